//! Secrets come from three places, and what they say appears nowhere.

use std::os::unix::fs::PermissionsExt;

use punchd::config::{DestinationSettings, Language, SecretSource, Service};

use crate::site::{Site, assert_one, small};

fn with_secret(secret: &str) -> Site {
    Site::new(&format!(
        "[gateway]\nzone = \"Asia/Shanghai\"\n[[device]]\nname = \"d\"\nkind = \"lantern-pull\"\naddress = \"h\"\ncomm_key = {secret}\n[[destination]]\nname = \"w\"\nkind = \"wecom\"\ncorp_id = \"ww1\"\nsecret = {secret}\n"
    ))
}

fn fetched(site: &Site) -> (String, SecretSource) {
    let config = site.config();
    let DestinationSettings::Wecom(wecom) = &config.destinations[0].settings;
    assert_eq!(config.devices[0].values.secret("comm_key").unwrap(), &wecom.secret);
    (wecom.secret.reveal().to_owned(), config.destinations[0].secrets[0].source.clone())
}

#[test]
fn a_secret_comes_from_a_file_a_variable_or_a_credential() {
    let site = with_secret("{ file = \"s\" }").file("s", "from-a-file\n");
    assert_eq!(fetched(&site), ("from-a-file".into(), SecretSource::File(site.path("s"))));
    let site = with_secret("{ env = \"PUNCHD_S\" }").variable("PUNCHD_S", "from-a-variable");
    assert_eq!(fetched(&site), ("from-a-variable".into(), SecretSource::Variable("PUNCHD_S".into())));
    let site = with_secret("{ credential = \"app\" }").file("run/app", "from-systemd\r\n");
    let folder = site.path("run");
    let site = site.variable("CREDENTIALS_DIRECTORY", folder);
    assert_eq!(fetched(&site), ("from-systemd".into(), SecretSource::Credential("app".into())));
}

#[test]
fn a_secret_in_the_file_itself_is_refused_and_not_repeated() {
    let inline = [
        "\"hunter2hunter2\"",
        "{ value = \"hunter2hunter2\" }",
        "{ env = \"hunter2hunter2\" }",
        "[\"hunter2hunter2\"]",
    ];
    for secret in inline {
        let site = with_secret(secret);
        let mistakes = site.load().unwrap_err();
        for said in [mistakes.say(Language::Both), format!("{mistakes:?}")] {
            assert!(!said.contains("hunter2"), "{said}");
        }
        assert_one(&site.mistakes(), "punchd.toml:7:", "comm_key");
        assert_one(&site.mistakes(), "punchd.toml:12:", "`secret`");
    }
    let proxy = small("proxy = \"http://u:hunter2@10.0.0.1:3128\"").load().unwrap_err();
    assert!(!proxy.say(Language::Both).contains("hunter2") && proxy.say(Language::Both).contains("proxy_password"));
}

#[test]
fn a_secret_that_cannot_be_had_says_why() {
    let lines = |site: Site| site.mistakes();
    assert_one(&lines(with_secret("{ file = \"nowhere\" }")), "punchd.toml:12:", "cannot be read");
    assert_one(&lines(with_secret("{ file = \"s\" }").file("s", "\n")), "punchd.toml:12:", "is empty");
    assert_one(
        &lines(with_secret("{ file = \"s\" }").file("s", "two\nlines\n")),
        "punchd.toml:12:",
        "more than one line",
    );
    assert_one(&lines(with_secret("{ file = \"s\" }").file("s", b"\xff\xfe")), "punchd.toml:12:", "is not text");
    assert_one(&lines(with_secret("{ file = \"s\" }").file("s", vec![b'a'; 5000])), "punchd.toml:12:", "4096");
    assert_one(&lines(with_secret("{ file = \".\" }")), "punchd.toml:12:", "not a regular file");
    assert_one(&lines(with_secret("{ env = \"NOT_SET\" }")), "punchd.toml:12:", "is not set");
    assert_one(&lines(with_secret("{ credential = \"app\" }")), "punchd.toml:12:", "LoadCredential=");
    assert_one(&lines(with_secret("{ credential = \"../app\" }")), "punchd.toml:12:", "without a path");
    assert_one(&lines(with_secret("{ file = \"a\", env = \"B\" }")), "punchd.toml:12:", "one source");
}

#[test]
fn a_secret_that_everybody_can_read_is_a_warning() {
    let site = small("");
    assert_eq!(site.warnings(), Vec::<String>::new());
    std::fs::set_permissions(site.path("secret"), std::fs::Permissions::from_mode(0o644)).unwrap();
    // The folder keeps others out, whatever the file says.
    set(site.folder.path(), 0o700);
    assert_eq!(site.warnings(), Vec::<String>::new());
    set(site.folder.path(), 0o755);
    assert_one(&site.warnings(), "punchd.toml:12:", "chmod 600");
}

#[test]
fn neither_debug_output_nor_the_explanation_shows_a_secret() {
    let config = small("proxy = \"http://u@10.0.0.1:3128\"\nproxy_password = { file = \"secret\" }").config();
    let said = format!("{config:?} {:?}", config.explain());
    assert!(!said.contains("s3cr3t"), "{said}");
    assert!(said.contains("`secret` comes from the file"));
}

/// A service whose user is nobody here.
fn service(credentials: &str) -> (tempfile::TempDir, Service) {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("etc/passwd", "punchd:x:54321:54321::/:/bin/false\n".to_owned()),
        ("etc/systemd/system/punchd.service", format!("[Service]\nUser=punchd\n{credentials}\n")),
    ] {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let service = Service::under(root.path());
    (root, service)
}

fn set(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_check_sees_with_the_eyes_of_the_user_that_punchd_runs_as() {
    let (_root, service) = service("");
    let site = small("").file("secrets/app", "s3cr3t-of-the-app\n");
    let main = std::fs::read_to_string(site.path("punchd.toml")).unwrap().replace("\"secret\"", "\"secrets/app\"");
    let site = site.file("punchd.toml", main);
    set(site.folder.path(), 0o755);
    set(&site.path("punchd.toml"), 0o644);
    set(&site.path("secrets"), 0o700);
    set(&site.path("secrets/app"), 0o644);
    let mistakes = |site: &Site| -> Vec<String> {
        match site.check(&service) {
            Ok(_) => Vec::new(),
            Err(mistakes) => mistakes.say(Language::English).lines().map(str::to_owned).collect(),
        }
    };
    // Whoever runs this test may read everything; the user punchd may not enter the folder.
    assert_one(&mistakes(&site), "punchd.toml:12:", "chmod 750");
    set(&site.path("secrets"), 0o755);
    assert_eq!(mistakes(&site), Vec::<String>::new());
    set(&site.path("secrets/app"), 0o640);
    assert_one(&mistakes(&site), "punchd.toml:12:", "may not read `secret`");
    set(&site.path("secrets/app"), 0o644);
    set(&site.path("punchd.toml"), 0o600);
    assert_one(&mistakes(&site), "punchd.toml:1:1: ", "may not read this file");
    set(&site.path("punchd.toml"), 0o644);
    std::fs::create_dir(site.path("data")).unwrap();
    set(&site.path("data"), 0o755);
    assert_one(&mistakes(&site), "punchd.toml:3:1: ", "chown -R punchd:");
}

#[test]
fn a_credential_is_a_remark_where_somebody_else_checks() {
    let remark = |credentials: &str| -> Vec<String> {
        let (_root, service) = service(credentials);
        let site = with_secret("{ credential = \"app\" }");
        set(site.folder.path(), 0o755);
        set(&site.path("punchd.toml"), 0o644);
        let (_, warnings) = site.check(&service).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        warnings.iter().map(|warning| warning.say(Language::English)).collect()
    };
    assert_one(&remark("LoadCredential=app:/etc/passwd"), "punchd.toml:12:", "hands the credential app over");
    assert_one(&remark("LoadCredential=app:/no/such/file"), "punchd.toml:12:", "243/CREDENTIALS");
    assert_one(&remark(""), "punchd.toml:12:", "systemctl edit punchd");
}
