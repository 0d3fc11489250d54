//! How good the clock is, in a sentence: what tells the time, how far off that can be, and what to do.

use std::time::Duration;

use punchd_contract::{Health, Text};

use crate::clock::{AnchorSource, Disputed, Hint, Known, Now, Quality, Stamp};

/// The clock's health.
pub(super) fn health(stamp: &Stamp, now: &Now, hint: Option<&Hint>, within: Duration) -> Health {
    let Some(bound) = now.bound.filter(|_| now.trusted(within)) else { return unknown(stamp, now, hint) };
    let known = known_by(now.by, &seconds(bound));
    let off = Duration::from_millis(stamp.wall.0.abs_diff(now.time.0));
    if off > within {
        let off = rough(off);
        return Health::warning(Text::new(
            format!(
                "{} The system clock itself is wrong by {}: punches are dated rightly all the same. Give it a time server (timedatectl, chrony).",
                known.en, off.en
            ),
            format!(
                "{}系统时钟本身偏差 {}，打卡时间不受影响。请配置时间服务器（timedatectl、chrony）。",
                known.zh, off.zh
            ),
        ));
    }
    Health::working(known)
}

/// A time server and somebody else who knows the time cannot both be right.
pub(super) fn disputed(disputed: &Disputed) -> Health {
    let by = rough(Duration::from_millis(disputed.by_ms.unsigned_abs()));
    let who = match disputed.source {
        AnchorSource::Terminal => Text::new("a checked terminal", "校验过时钟的终端"),
        _ => Text::new("WeCom", "企业微信"),
    };
    let (ahead, zh) = if disputed.by_ms > 0 { ("ahead of", "快") } else { ("behind", "慢") };
    Health::warning(Text::new(
        format!(
            "The time server's time is {} {ahead} that of {}: one of them is wrong, and punches are dated by the time server. Check which server this machine asks (timedatectl, chronyc sources).",
            by.en, who.en
        ),
        format!(
            "时间服务器的时间比{}{zh} {}：其中之一有误，打卡时间按时间服务器确定。请检查本机使用的时间服务器（timedatectl、chronyc sources）。",
            who.zh, by.zh
        ),
    ))
}

fn known_by(by: Known, bound: &str) -> Text {
    match by {
        Known::Synchronised => {
            Text::new(format!("Synchronised, right to within {bound}."), format!("时钟已同步，误差不超过 {bound}。"))
        }
        Known::By(AnchorSource::System) | Known::Nothing => Text::new(
            format!("Was synchronised in this boot, still right to within {bound}."),
            format!("本次开机后曾同步，误差仍在 {bound} 以内。"),
        ),
        Known::By(AnchorSource::Wecom) => Text::new(
            format!("Known from WeCom's answers, to within {bound}; nothing synchronises it."),
            format!("由企业微信的应答得知，误差不超过 {bound}；未与时间服务器同步。"),
        ),
        Known::By(AnchorSource::Terminal) => Text::new(
            format!("Known from a terminal whose clock had been checked, to within {bound}; nothing synchronises it."),
            format!("由校验过时钟的终端得知，误差不超过 {bound}；未与时间服务器同步。"),
        ),
        Known::By(AnchorSource::Person) => {
            Text::new(format!("Said by a person, to within {bound}."), format!("由人员告知，误差不超过 {bound}。"))
        }
        Known::Kept | Known::By(AnchorSource::Kept) => Text::new(
            "Kept by the machine's own clock; nothing synchronises it. A time server would make sure (timedatectl, chrony).",
            "由机器自带时钟维持，未与时间服务器同步；建议配置时间服务器（timedatectl、chrony）。",
        ),
    }
}

fn unknown(stamp: &Stamp, now: &Now, hint: Option<&Hint>) -> Health {
    let (en, zh) = ("Give it a time server (timedatectl, chrony).", "请配置时间服务器（timedatectl、chrony）。");
    let held = "punches of local readers are held until";
    let text = match (now.bound, stamp.quality) {
        (None, _) => Text::new(
            format!("The gateway does not know the time yet: {held} it does. {en}"),
            format!("网关尚无可信时间：本地读头的打卡会先保留，校时后再计入。{zh}"),
        ),
        (Some(_), Quality::Kept) => Text::new(
            format!("The system clock was set by hand, and nothing confirms it: {held} something does. {en}"),
            format!("系统时钟被手动调整，尚未得到确认：本地读头的打卡会先保留。{zh}"),
        ),
        (Some(bound), _) => {
            let bound = rough(bound);
            Text::new(
                format!(
                    "The time is known to within {} only, which is too little: {held} it is known better. {en}",
                    bound.en
                ),
                format!("时间误差可能达 {}，过大：本地读头的打卡会先保留，校时后再计入。{zh}", bound.zh),
            )
        }
    };
    let Some(hint) = hint else { return Health::warning(text) };
    let from = &hint.from;
    Health::warning(Text::new(
        format!(
            "{} Until then certificates are judged by the time that {from} says, which nobody vouches for; no punch is dated by it.",
            text.en
        ),
        format!("{}在此之前，证书按 {from} 给出的时间（未经验证）检查；不会用它给打卡定时。", text.zh),
    ))
}

fn seconds(bound: Duration) -> String {
    format!("{:.1} s", bound.as_secs_f64())
}

/// A length in the largest unit that says enough.
fn rough(length: Duration) -> Text {
    let s = length.as_secs();
    match s {
        0..=119 => Text::new(format!("{s} s"), format!("{s} 秒")),
        120..=7199 => Text::new(format!("{} min", s / 60), format!("{} 分钟", s / 60)),
        7200..=172_799 => Text::new(format!("{} h", s / 3600), format!("{} 小时", s / 3600)),
        172_800..=63_071_999 => Text::new(format!("{} days", s / 86_400), format!("{} 天", s / 86_400)),
        _ => Text::new(format!("{} years", s / 31_536_000), format!("{} 年", s / 31_536_000)),
    }
}
