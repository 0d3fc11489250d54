//! What `getcheckindata` tells: punches, and the times at which somebody should have punched and did not.
//!
//! The two are separate types, because the row of a missed punch has the *scheduled* time, is made in advance, and looks
//! like a punch otherwise (facts/wecom-api.md 3.1): taken for one, it would hide a lost punch.

use serde_json::{Map, Value};

use crate::attendance::UserId;
use crate::wecom::answer::{number, text};
use crate::wecom::coordinates::MicroDegrees;
use crate::wecom::seconds::UnixSeconds;

/// How WeCom marks a punch that did not happen.
const MISSED: &str = "未打卡";

/// All that was read back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckinData {
    /// What happened.
    pub punched: Vec<Punched>,
    /// What did not happen.
    pub missed: Vec<Missed>,
    /// Rows without a member or a time that can be read. While there are any, a punch that is not in `punched` cannot be said to be absent.
    pub unreadable: usize,
}

/// A punch that WeCom has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Punched {
    /// Who; compares without regard to case.
    pub userid: UserId,
    /// When it happened.
    pub checkin_time: UnixSeconds,
    /// As what it counts.
    pub kind: CheckinKind,
    /// What is wrong with it in WeCom's eyes, such as 时间异常.
    pub exceptions: Vec<String>,
    /// When it should have happened.
    pub scheduled: Option<UnixSeconds>,
    /// The rule's number.
    pub group_id: Option<i64>,
    /// The rule's name.
    pub group_name: String,
    /// The place's name.
    pub location_title: String,
    /// The place in more words.
    pub location_detail: String,
    /// The note.
    pub notes: String,
    /// The phone's id, or what WeCom puts there for a written punch (not documented).
    pub device_id: String,
    /// Where, in GCJ-02.
    pub coordinates: Option<MicroDegrees>,
}

/// A punch that somebody owed and did not make, or not yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Who.
    pub userid: UserId,
    /// When it should have happened.
    pub scheduled: UnixSeconds,
    /// As what it would have counted.
    pub kind: CheckinKind,
}

/// As what a punch counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckinKind {
    /// 上班打卡.
    In,
    /// 下班打卡.
    Out,
    /// 外出打卡.
    OutOfOffice,
    /// Anything else, in WeCom's words.
    Other(String),
}

impl CheckinKind {
    fn of(text: String) -> Self {
        match text.trim() {
            "上班打卡" => Self::In,
            "下班打卡" => Self::Out,
            "外出打卡" => Self::OutOfOffice,
            _ => Self::Other(text),
        }
    }
}

enum Row {
    Punched(Punched),
    Missed(Missed),
}

/// Reads the answer. An absent list is no empty one, whatever the code, and neither is null, which no document of WeCom's calls an
/// empty list: from it would follow that a punch never arrived, and it would be sent again. Doubt costs only time.
pub(super) fn read(_code: Option<i64>, mut object: Map<String, Value>) -> Result<CheckinData, String> {
    let rows = match object.remove("checkindata") {
        Some(Value::Array(rows)) => rows,
        None | Some(Value::Null) => return Err("the answer has no checkindata".into()),
        Some(_) => return Err("checkindata in the answer is not a list".into()),
    };
    let mut data = CheckinData::default();
    for row in rows {
        match row_of(&row) {
            Some(Row::Punched(punched)) => data.punched.push(punched),
            Some(Row::Missed(missed)) => data.missed.push(missed),
            None => data.unreadable += 1,
        }
    }
    Ok(data)
}

fn row_of(row: &Value) -> Option<Row> {
    let row = row.as_object()?;
    let userid = UserId::new(text(row, "userid").trim()).ok()?;
    let seconds = |key| number(row, key).and_then(|seconds| UnixSeconds::new(seconds).ok());
    let checkin_time = seconds("checkin_time")?;
    let kind = CheckinKind::of(text(row, "checkin_type"));
    let exceptions: Vec<String> = text(row, "exception_type")
        .split([';', '；'])
        .map(str::trim)
        .filter(|exception| !exception.is_empty())
        .map(str::to_owned)
        .collect();
    if exceptions.iter().any(|exception| exception == MISSED) {
        return Some(Row::Missed(Missed { userid, scheduled: checkin_time, kind }));
    }
    let coordinates = match (number(row, "lat"), number(row, "lng")) {
        (Some(lat), Some(lng)) => MicroDegrees::new(lat, lng).ok(),
        _ => None,
    };
    Some(Row::Punched(Punched {
        userid,
        checkin_time,
        kind,
        exceptions,
        scheduled: seconds("sch_checkin_time"),
        group_id: number(row, "groupid"),
        group_name: text(row, "groupname"),
        location_title: text(row, "location_title"),
        location_detail: text(row, "location_detail"),
        notes: text(row, "notes"),
        device_id: text(row, "deviceid"),
        coordinates,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn decoded(value: Value) -> Result<CheckinData, String> {
        let Value::Object(object) = value else { panic!("an object") };
        let code = crate::wecom::answer::errcode(&object).unwrap();
        read(code, object)
    }

    #[test]
    fn the_vendors_sample_is_read() {
        let sample = include_str!("../../../tests/fixtures/wecom/getcheckindata.response.json");
        let data = decoded(serde_json::from_str(sample).unwrap()).unwrap();
        let [james, paul] = data.punched.as_slice() else { panic!("two punches") };
        assert_eq!(
            (james.userid.as_str(), james.checkin_time.get(), &james.kind),
            ("james", 1_492_617_610, &CheckinKind::In)
        );
        assert_eq!(
            (james.exceptions.as_slice(), james.group_name.as_str()),
            (["地点异常".to_owned()].as_slice(), "打卡一组")
        );
        assert_eq!((paul.kind.clone(), paul.group_id), (CheckinKind::OutOfOffice, Some(2)));
        assert_eq!(paul.coordinates, Some(MicroDegrees::new(30_547_645, 104_063_236).unwrap()));
        assert_eq!((data.missed.len(), data.unreadable), (0, 0));
    }

    #[test]
    fn a_sample_of_2017_without_newer_fields_is_read() {
        let sample = include_str!("../../../tests/fixtures/wecom/wechatpy/checkin_getcheckindata.json");
        let data = decoded(serde_json::from_str(sample).unwrap()).unwrap();
        assert_eq!((data.punched.len(), data.unreadable), (2, 0));
        assert_eq!(data.punched.first().unwrap().scheduled, None);
    }

    #[test]
    fn a_punch_that_did_not_happen_is_never_taken_for_one() {
        for exception in ["未打卡", "时间异常;未打卡", "未打卡；地点异常", " 未打卡 "] {
            let row = json!({"userid": "james", "checkin_time": 1_492_617_600, "checkin_type": "下班打卡", "exception_type": exception});
            let data = decoded(json!({"errcode": 0, "checkindata": [row]})).unwrap();
            assert_eq!((data.punched.len(), data.missed.len()), (0, 1), "{exception}");
            assert_eq!(data.missed.first().unwrap().scheduled.get(), 1_492_617_600);
        }
    }

    #[test]
    fn numbers_as_text_and_an_unknown_kind_are_read() {
        let data = decoded(json!({"checkindata": [{"userid": "7", "checkin_time": "1492617610", "groupid": "3",
            "checkin_type": "新类型", "lat": "30547645", "lng": 104_063_236.0, "brand_new": {"a": []}}]}));
        let data = data.unwrap();
        let punched = data.punched.first().unwrap();
        assert_eq!((punched.checkin_time.get(), punched.group_id), (1_492_617_610, Some(3)));
        assert_eq!(punched.kind, CheckinKind::Other("新类型".into()));
        assert!(punched.coordinates.is_some());
    }

    #[test]
    fn a_row_that_cannot_be_read_is_counted_and_not_forgotten() {
        let data = decoded(json!({"errcode": 0, "checkindata": [
            {"userid": "james"}, {"checkin_time": 1}, {"userid": "有空格 x", "checkin_time": 1}, 7, null, [],
            {"userid": "james", "checkin_time": 1_492_617_610_000i64}, {"userid": "james", "checkin_time": 1_492_617_610}]}));
        let data = data.unwrap();
        assert_eq!((data.punched.len(), data.unreadable), (1, 7));
    }

    #[test]
    fn nothing_counts_as_no_punches_only_if_wecom_says_so() {
        assert_eq!(decoded(json!({"errcode": 0, "checkindata": []})), Ok(CheckinData::default()));
        assert!(decoded(json!({"errcode": 0, "checkindata": null})).is_err(), "null is no list");
        assert!(decoded(json!({"errcode": "0"})).is_err(), "no list is no proof that there is nothing");
        assert!(decoded(json!({})).is_err());
        assert!(decoded(json!({"errcode": 0, "checkindata": {}})).is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let words =
            prop::sample::select(vec!["userid", "checkin_time", "exception_type", "未打卡", "lat", "lng", "1e9", "x"]);
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            words.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map(words.clone().prop_map(str::to_owned), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_rows_are_sorted_into_three_heaps_and_none_is_lost(rows in prop::collection::vec(any_json(), 0..6)) {
            let count = rows.len();
            let data = decoded(json!({"errcode": 0, "checkindata": rows})).unwrap();
            prop_assert_eq!(data.punched.len() + data.missed.len() + data.unreadable, count);
        }
    }
}
