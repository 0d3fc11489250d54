//! The numbers by which WeCom says what is wrong (facts/wecom-api.md 1.7, 4.6).

use serde::{Deserialize, Serialize};

/// An `errcode`. Any number can be answered; the constants are those that the stand-in gives of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Errcode(pub i64);

macro_rules! errcodes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        impl Errcode {
            $($(#[$doc])* pub const $name: Errcode = Errcode($number);)*

            /// The words that go with it in `errmsg`.
            pub fn text(self) -> &'static str {
                match self.0 {
                    $($number => $text,)*
                    _ => "refused as told",
                }
            }
        }
    };
}

errcodes! {
    /// Done.
    OK = 0, "ok";
    /// Busy, to be tried again.
    BUSY = -1, "system busy";
    /// The secret is wrong.
    WRONG_SECRET = 40001, "invalid credential";
    /// No such member.
    NO_SUCH_USER = 40003, "invalid userid";
    /// A media id that is not known, or older than three days.
    WRONG_MEDIA = 40007, "invalid media_id";
    /// No such corp.
    WRONG_CORP = 40013, "invalid corpid";
    /// A token that was never given, or was voided.
    WRONG_TOKEN = 40014, "invalid access_token";
    /// Escapes of the form `\uXXXX`.
    ILLEGAL_CHARACTERS = 40033, "invalid characters in the request";
    /// A value outside of what is allowed.
    ILLEGAL_PARAMETER = 40035, "invalid parameter";
    /// Not JSON, a wrong type, a value or a list too long, or a GET where a POST is due.
    BAD_JSON = 40058, "invalid request parameter";
    /// No such call. Not in the vendor's table: its sister at api.weixin.qq.com gives this (wechatpy #121, #289).
    NO_SUCH_CALL = 40066, "invalid url";
    /// A required parameter is missing or empty.
    EMPTY = 40063, "some parameters are empty";
    /// The body is too big.
    BODY_TOO_BIG = 40206, "request body too large";
    /// The token is not in the URL.
    TOKEN_MISSING = 41001, "access_token missing";
    /// The corp id is not in the URL.
    CORP_MISSING = 41002, "corpid missing";
    /// The secret is not in the URL.
    SECRET_MISSING = 41004, "corpsecret missing";
    /// The token is too old.
    TOKEN_EXPIRED = 42001, "access_token expired";
    /// Too many calls.
    TOO_MANY_CALLS = 45009, "api freq out of limit";
    /// The app is not among the callers of the punch API.
    NOT_CALLABLE = 48002, "api forbidden for the app, add it to the apps that may call";
    /// The app is disabled.
    APP_DISABLED = 50003, "app is disabled";
    /// The member is outside of what the app may see.
    OUT_OF_RANGE = 60011, "no privilege to access the member";
    /// The caller's address is not trusted.
    UNTRUSTED_IP = 60020, "not allow to access from your ip";
    /// No such member.
    USER_NOT_FOUND = 60111, "userid not found";
    /// At least one member of the list is not in the contacts.
    USER_NOT_IN_CONTACTS = 301021, "at least one userid is not in the contacts";
    /// No user in the list, or more than 100.
    LIST_SIZE = 301023, "the list must have 1 to 100 userids";
    /// The time span is too long.
    TIME_SPAN = 301024, "the time span must be less than a month";
    /// Outside of the time in which punching is possible.
    OUT_OF_TIME = 301081, "the punch time is out of the range in which a punch is possible";
    /// A parameter of a punch that cannot be, like a time that is still to come.
    ILLEGAL_PUNCH = 301083, "the punch time must not be later than now";
}
