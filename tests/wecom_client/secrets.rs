//! Neither secret nor token shows in anything that a person or a log gets to see.

use std::io::Write;
use std::sync::{Arc, Mutex};

use punchd::wecom::{HttpSettings, NotSent, Outcome, Proxy};
use punchd_contract::Secret;
use tracing_subscriber::fmt::MakeWriter;

use crate::server::{Does, SECRET, Seen, Server, TOKEN, app, http, impatient, ok, read, write};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn shown<T: std::fmt::Debug>(outcome: &Outcome<T>) -> String {
    let said = match outcome {
        Outcome::NotSent(why) => format!("{why} {} {:?}", why.text(), why.refusal()),
        Outcome::Unknown(why) => format!("{why} {}", why.text()),
        Outcome::Answered(answered) => match &answered.result {
            Ok(_) => String::new(),
            Err(refusal) => format!("{refusal} {}", refusal.text()),
        },
    };
    format!("{outcome:?} {said}")
}

#[tokio::test]
async fn no_error_no_debug_output_and_no_log_holds_secret_or_token() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut texts = String::new();

    let deeds: [fn(&Seen) -> Does; 9] = [
        |_| Does::SaysAndCloses(Vec::new()),
        |_| Does::SaysAndCloses(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_vec()),
        |_| Does::SaysAndCloses(b"garbage\r\n\r\n".to_vec()),
        |_| Does::Hangs,
        |_| Does::Says(http("502 Bad Gateway", SECRET)),
        |seen| ok(&seen.line),
        |seen| quoting(seen, 40058),
        |seen| quoting(seen, 42001),
        |seen| quoting(seen, 40001),
    ];
    for deed in deeds {
        // Once for the call, once for the token itself.
        let server = Server::with_token(deed).await;
        let calls = app(impatient(server.url()));
        texts += &shown(&write(&calls).await);
        texts += &shown(&read(&calls).await);
        texts += &format!("{calls:?}");
        let server = Server::start(move |_, seen| deed(seen)).await;
        let fetches = app(impatient(server.url()));
        let outcome = write(&fetches).await;
        assert!(matches!(outcome, Outcome::NotSent(NotSent::NoToken(_))), "{outcome:?}");
        texts += &shown(&outcome);
    }

    let refusing = Server::start(|_, _| Does::SaysAndCloses(b"HTTP/1.1 407 No\r\n\r\n".to_vec())).await;
    let login = Some(("site7".to_owned(), Secret::new(SECRET)));
    let proxy = Proxy::new(&format!("http://{}", refusing.address), login).unwrap();
    let settings = HttpSettings { proxy: Some(proxy), ..HttpSettings::default() };
    texts += &format!("{settings:?}");
    texts += &shown(&write(&app(settings)).await);

    let server = Server::with_token(|_| ok(r#"{"errcode":0}"#)).await;
    let good = server.app();
    texts += &shown(&write(&good).await);
    texts += &format!("{good:?}");

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("WeCom refused") && log.contains("no access token"), "the log was listened to: {log}");
    for text in [&texts, &log] {
        for hidden in [SECRET, TOKEN] {
            let spelt = hidden.replace('/', "%2F").replace('+', "%2B");
            assert!(!text.contains(hidden) && !text.contains(&spelt), "{hidden} in {text}");
            assert!(!text.contains("corpsecret=SECRET") && !text.contains("access_token=TOKEN"));
            assert!(!text.contains(&hidden[..6]), "the beginning of {hidden} in {text}");
        }
    }
}

/// A server can quote only what it was told: the secret when it is asked for a token, the token in a call.
fn quoting(seen: &Seen, code: i64) -> Does {
    let told = if seen.is_for_token() { SECRET } else { TOKEN };
    let start = format!("bad call {} with {told} ", seen.line);
    // The last one lies across the length at which a message is cut.
    let quoted = format!("{start}{}{told}", "x".repeat(505 - start.len()));
    ok(serde_json::json!({"errcode": code, "errmsg": quoted}).to_string())
}
