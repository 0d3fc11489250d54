//! What the agent can ask for at a terminal, and what must never be sent.

use jiff::civil::date;
use punchd_contract::{Command, CommandError};
use punchd_zkteco::pull::protocol::user::UserForm;
use punchd_zkteco::pull::virtual_device::Fault;

use super::{Site, records, terminal};

fn enrol(user_id: &str, name: &str, card: Option<u32>) -> Command {
    Command::EnrolPerson { user_id: user_id.into(), name: name.into(), card }
}

#[tokio::test(start_paused = true)]
async fn a_terminal_beeps_opens_and_takes_the_time() {
    let site = Site::quiet(terminal(|options| options.clock_off = -420)).start();
    site.works().await;
    site.bench.command(Command::Identify).await.unwrap();
    site.bench.command(Command::Unlock).await.unwrap();
    assert_eq!(site.terminal.unlocks(), 1);
    let done = site.bench.command(Command::SetClock).await.unwrap();
    assert!(done.text.en.contains("2026-11-02T08:00"), "{}", done.text);
    assert!(site.terminal.clock_off().abs() <= 1);
    let offset = *site.bench.offsets().last().unwrap();
    assert!(offset.abs() < 1500, "{offset}");
    assert!(site.bench.alerts().is_empty(), "it was us who set it");
    let face = Command::SetFace { user_id: "1".into(), jpeg: vec![] };
    assert_eq!(site.bench.command(face).await, Err(CommandError::Unsupported));
    assert_eq!((site.terminal.clears(), site.terminal.disables()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_person_is_stored_changed_and_removed_in_both_forms_of_the_list() {
    for form in [UserForm::Short, UserForm::Long] {
        let site = Site::quiet(terminal(|options| {
            options.user_form = form;
            options.users.iter_mut().for_each(|user| user.name = "Ann".into());
        }))
        .start();
        site.works().await;
        site.bench.command(enrol("2001", "Bob", Some(99))).await.unwrap();
        let users = site.terminal.users();
        let new = users.iter().find(|user| user.user_id == "2001").unwrap();
        assert_eq!((new.uid, new.name.as_str(), new.card, new.privilege), (8, "Bob", 99, 0));
        assert!(site.bench.users().iter().any(|user| user.user_id == "2001"));

        site.bench.command(enrol("1001", "Chef", None)).await.unwrap();
        let users = site.terminal.users();
        let admin = users.iter().find(|user| user.user_id == "1001").unwrap();
        assert_eq!((admin.uid, admin.name.as_str(), admin.privilege), (5, "Chef", 14), "an administrator stays one");

        site.bench.command(Command::DeletePerson { user_id: "2001".into() }).await.unwrap();
        site.bench.command(Command::DeletePerson { user_id: "2001".into() }).await.unwrap();
        assert_eq!(site.terminal.users().len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_chinese_name_is_stored_as_the_terminal_writes_them() {
    use punchd_zkteco::pull::protocol::names::Encoding;
    for encoding in [Encoding::Gbk, Encoding::Utf8] {
        let site = Site::quiet(terminal(|options| options.encoding = encoding)).start();
        site.works().await;
        site.bench.command(enrol("x-7", "欧阳修", None)).await.unwrap();
        assert_eq!(site.terminal.users().last().unwrap().name, "欧阳修");
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_id_that_does_not_fit_is_refused_with_a_sentence() {
    let site = Site::quiet(terminal(|options| options.user_form = UserForm::Short)).start();
    site.works().await;
    let refused = site.bench.command(enrol("ab", "Bob", None)).await;
    assert!(matches!(refused, Err(CommandError::Failed(text)) if text.en.contains("numbers")));
}

#[tokio::test(start_paused = true)]
async fn the_log_is_read_again_and_a_period_counted_on_demand() {
    let site = Site::quiet(terminal(|options| options.records = records(3000))).start();
    site.arrive(3000).await;
    site.works().await;
    let done = site.bench.command(Command::ReadLog).await.unwrap();
    assert!(done.text.en.contains("3000 records were read, 0 of them new"), "{}", done.text);
    assert_eq!(site.bench.repeated(), 3000, "all of it was offered again");
    // 3000 minutes from 1 October 08:00: 960 on the first day, 1440 on the second.
    let period = Command::Reconcile { from: date(2026, 10, 1), to: date(2026, 10, 2) };
    let done = site.bench.command(period).await.unwrap();
    assert!(done.text.en.contains("2400 records from 2026-10-01 to 2026-10-02"), "{}", done.text);
    site.arrive(3000).await;
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_is_away_answers_nothing_and_the_agent_is_told_so() {
    let site = Site::quiet(terminal(|_| {}));
    site.terminal.set_fault(Fault::Unplugged);
    let site = site.start();
    let answer = site.bench.command(Command::Identify).await;
    assert!(matches!(answer, Err(CommandError::Unreachable(_))), "{answer:?}");
}
