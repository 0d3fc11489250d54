//! What WeCom's bodies have in common, read leniently: byte order marks, numbers as text, missing and unknown fields.

use serde_json::{Map, Value};

use super::client::Hidden;

/// The largest answer that is read.
pub(crate) const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// How much of a server's own words is kept.
const MAX_MESSAGE: usize = 512;

/// A body as a JSON object.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, String> {
    // Some of the vendor's samples begin with a byte order mark (facts/wecom-api.md 10.1).
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("the answer is not a JSON object".into()),
        Err(e) => Err(format!("the answer is not JSON (line {}, column {})", e.line(), e.column())),
    }
}

/// `errcode`, if it is there and a number.
pub(crate) fn errcode(object: &Map<String, Value>) -> Result<Option<i64>, String> {
    match object.get("errcode") {
        None => Ok(None),
        Some(value) => integer(value).map(Some).ok_or_else(|| "errcode in the answer is not a number".into()),
    }
}

/// `errmsg`, on one line, without secrets, and then of bounded length: the other way round, half a secret could stay.
pub(crate) fn errmsg(object: &Map<String, Value>, hidden: &Hidden) -> String {
    let text = object.get("errmsg").and_then(Value::as_str).unwrap_or_default();
    let mut line = hidden.scrub(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect());
    line.truncate(line.floor_char_boundary(MAX_MESSAGE));
    line
}

/// A whole number, also written as text or as `1.0`.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64()?;
            // Beyond 2^53 a float no longer names one whole number.
            (float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0).then_some(float as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The number of a field.
pub(crate) fn number(object: &Map<String, Value>, key: &str) -> Option<i64> {
    object.get(key).and_then(integer)
}

/// The text of a field; a number counts as its digits, anything else as empty.
pub(crate) fn text(object: &Map<String, Value>, key: &str) -> String {
    match object.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_byte_order_mark_and_a_code_as_text_are_read() {
        let object = object("\u{feff}{\"errcode\":\"40014\",\"errmsg\":\"a\\nb\"}".as_bytes()).unwrap();
        assert_eq!(errcode(&object), Ok(Some(40014)));
        assert_eq!(errmsg(&object, &Hidden::default()), "a b");
    }

    #[test]
    fn a_code_that_is_no_number_is_not_taken_for_success() {
        for bad in [json!({"errcode": null}), json!({"errcode": "ok"}), json!({"errcode": 0.5}), json!({"errcode": []})]
        {
            assert!(errcode(bad.as_object().unwrap()).is_err());
        }
    }

    #[test]
    fn nesting_without_end_is_refused_and_not_followed() {
        assert!(object("{\"a\":".repeat(100_000).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(object) = object(&bytes) {
                let _ = (errcode(&object), errmsg(&object, &Hidden::default()));
            }
        }
    }
}
