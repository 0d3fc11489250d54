//! What programs write, and what they are told about it.

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn parse(line: &str) -> Result<FromProgram, Refused> {
    FromProgram::parse(line.as_bytes(), None)
}

fn of_a_log(line: &str) -> Result<FromProgram, Refused> {
    FromProgram::parse(line.as_bytes(), Some(&SerialNumber::new("SN1").unwrap()))
}

fn says(line: &str, words: &str) {
    let told = parse(line).unwrap_err().wrong.to_string();
    assert!(told.contains(words), "{line}: {told}");
}

#[test]
fn a_hello_tells_who_it_is_and_unknown_fields_are_ignored() {
    let line = r#"{"type":"hello","protocol":1,"name":"ACME","can":["identify","unlock"],"keeps_log":true,"serial":"A1","x":{}}"#;
    let Ok(FromProgram::Hello(hello)) = parse(line) else { panic!() };
    assert_eq!((hello.name.as_str(), hello.protocol), ("ACME", 1));
    assert_eq!(hello.log, Some(SerialNumber::new("A1").unwrap()));
    assert_eq!(hello.can, [CommandWord::Identify, CommandWord::Unlock]);
    says(r#"{"type":"hello","protocol":1,"name":"A","keeps_log":true}"#, "`serial` has to be given");
    says(r#"{"type":"hello","protocol":1,"name":"A","can":["fly"]}"#, "unknown variant `fly`");
    says(r#"{"type":"hello","name":"A"}"#, "missing field `protocol`");
}

#[test]
fn of_a_later_version_nothing_but_its_number_counts() {
    let line = r#"{"type":"hello","protocol":2,"name":"","can":["fly"],"keeps_log":true}"#;
    assert!(matches!(parse(line), Ok(FromProgram::Hello(Hello { protocol: 2, .. }))));
}

#[test]
fn a_batch_carries_everything_that_belongs_together() {
    let line = r#"{"type":"batch","id":"b-1","cursor":{"next":8},
        "readings":[{"credential":{"kind":"user_id","value":"7"},"at":"2026-11-02T08:00:00","key":{"content":"c","occurrence":1}}],
        "contact":{"clock":"2026-11-02T08:00:05","records_claimed":9},
        "alerts":[{"kind":"clock_set","en":"set"}],
        "users":[{"user_id":"7","name":"Li"}],
        "fingers":{"module":"m","model":"x","capacity":9,"fingers":["f"],"foreign":[]},
        "upload":{"table":"ATTPHOTO","body":"FFD8","understood":true}}"#;
    let Ok(FromProgram::Batch(sent)) = of_a_log(line) else { panic!() };
    assert_eq!(sent.id, Id::Text("b-1".into()));
    assert_eq!(sent.batch.cursor, Some(Cursor(r#"{"next":8}"#.into())));
    assert_eq!(sent.batch.readings.len(), 1);
    assert_eq!(sent.clock, Some(date(2026, 11, 2).at(8, 0, 5, 0)));
    let contact = sent.batch.contact.unwrap();
    assert_eq!((contact.serial.unwrap().as_str(), contact.records_claimed), ("SN1", Some(9)));
    assert_eq!(sent.batch.alerts[0].text, Text::new("set", "set"));
    assert_eq!(sent.batch.users.unwrap()[0].name, "Li");
    assert_eq!(sent.batch.fingers.unwrap().capacity, 9);
    assert_eq!(sent.batch.upload.unwrap().body, [0xFF, 0xD8]);
}

#[test]
fn who_waits_for_an_answer_is_known_though_the_line_is_wrong() {
    let refused = parse(r#"{"type":"reading","id":7,"credential":{"kind":"card","value":"zz"}}"#).unwrap_err();
    assert_eq!(refused.waits_as, Some(Id::Number(7)));
    let refused = parse(r#"{"type":"reading","credential":{"kind":"card","value":"0102"}}"#).unwrap_err();
    assert_eq!(refused.waits_as, None);
    assert!(refused.wrong.to_string().contains("`id`"));
    let long = format!(r#"{{"type":"batch","id":"{}"}}"#, "x".repeat(65));
    assert_eq!(parse(&long).unwrap_err().waits_as, None);
}

#[test]
fn answers_to_commands_are_read() {
    let line = r#"{"type":"done","id":3,"zh":"好","finger":{"name":"f-1","model":"m","template":"0102"}}"#;
    let Ok(FromProgram::Done { id: 3, done }) = parse(line) else { panic!() };
    assert_eq!(done.text, Text::new("好", "好"));
    assert_eq!(done.finger.unwrap().template.unwrap().bytes, [1, 2]);
    let line = r#"{"type":"failed","id":3,"reason":"unsupported"}"#;
    assert!(matches!(parse(line), Ok(FromProgram::Failed { id: 3, failure: Failure::Unsupported })));
    says(r#"{"type":"failed","id":3,"reason":"bored","en":"x"}"#, "unsupported, unreachable or failed");
    says(r#"{"type":"failed","id":3}"#, "`en` has to be a sentence");
    says(r#"{"type":"step","en":"x"}"#, "number of the command");
}

#[test]
fn what_is_no_message_is_named() {
    says("", "no JSON");
    says("hello", "no JSON");
    says("[1]", "no object");
    says("{}", "no `type`");
    says(r#"{"type":"punch"}"#, "\"punch\" is not known");
    says(r#"{"type":"health","condition":"fine","en":"x"}"#, "unknown variant `fine`");
    says(r#"{"type":"health","condition":"working"}"#, "`en` has to be");
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(Value::from("2026-11-02T08:00:00")),
        Just(Value::from("card")),
    ];
    let key = prop_oneof![
        Just("id"),
        Just("credential"),
        Just("kind"),
        Just("value"),
        Just("at"),
        Just("key"),
        Just("content"),
        Just("occurrence"),
        Just("readings"),
        Just("contact"),
        Just("clock"),
        Just("cursor"),
        Just("protocol"),
        Just("name"),
        Just("can"),
        Just("condition"),
        Just("en"),
        Just("finger"),
        Just("template"),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..6).prop_map(|pairs| Value::Object(
                pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let _ = FromProgram::parse(&bytes, None);
    }

    #[test]
    fn no_object_panics(kind in "hello|health|reading|batch|step|done|failed", mut value in json(), log: bool) {
        if let Some(object) = value.as_object_mut() {
            object.insert("type".into(), kind.into());
        }
        let serial = SerialNumber::new("SN1").unwrap();
        let _ = FromProgram::parse(value.to_string().as_bytes(), log.then_some(&serial));
    }
}
