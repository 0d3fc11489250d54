//! What people are told of a module that is not what it was.

use punchd_contract::{Alert, AlertKind, Text};

use crate::memory::Known;

/// Another module is there than before, or an earlier one again.
pub fn exchanged(last: &Known, now: &Known, returned: bool) -> Alert {
    let text = if returned {
        Text::new(
            format!("fingerprint module {} is back in the place of {}: its fingers are known again", now.id, last.id),
            format!("指纹模块 {} 已换回（替换 {}）：其中的指纹重新有效", now.id, last.id),
        )
    } else {
        Text::new(
            format!(
                "fingerprint module {} is in the place of {}: fingers stored in it are unknown until they are mapped; enrol the people in it, or put the old one back",
                now.id, last.id
            ),
            format!(
                "指纹模块 {} 被换成了 {}：其中的指纹在关联人员前均视为未知；请在其上重新登记人员，或换回原模块",
                last.id, now.id
            ),
        )
    };
    Alert { kind: AlertKind::WrongTerminal, text }
}

/// Fingers are gone that were there.
pub fn vanished(count: usize, names: &str) -> Alert {
    let text = Text::new(
        format!(
            "{count} fingers are gone from the module, deleted by something else than punchd: {names}; enrol these people again"
        ),
        format!("模块中有 {count} 枚指纹被 punchd 以外的程序删除：{names}；请重新登记相关人员"),
    );
    Alert { kind: AlertKind::Other, text }
}
