//! What is wrong with a terminal's requests, in words, for as long as it is so.

use std::collections::BTreeMap;
use std::time::Duration;

use punchd_contract::Text;
use tokio::time::Instant;

/// How long something is shown after it happened last. A terminal tries again within its `ErrorDelay`, at most 300 s.
const SHOWN: Duration = Duration::from_secs(600);

/// The kinds of trouble, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// It was turned away: another address than `source`, or another comm key.
    TurnedAway,
    /// It asks for a path that is not one of the protocol.
    Path,
    /// It uses a method other than GET and POST, or one that does not fit the path.
    Method,
    /// It does not say how long its body is.
    Length,
    /// Its body is larger than is taken.
    Size,
    /// Its body is packed or encrypted.
    Packed,
    /// Two call with one serial number.
    TwoAddresses,
    /// It asks the server whether to open.
    ServerCheck,
}

/// What is wrong just now.
#[derive(Debug, Default)]
pub struct Troubles(BTreeMap<Cause, (Instant, Text)>);

impl Troubles {
    /// This happened. Answers whether it is news.
    pub fn happened(&mut self, cause: Cause, text: Text) -> bool {
        let earlier = self.0.insert(cause, (Instant::now(), text.clone()));
        earlier.is_none_or(|(at, earlier)| at.elapsed() >= SHOWN || earlier != text)
    }

    /// This is over.
    pub fn over(&mut self, cause: Cause) {
        self.0.remove(&cause);
    }

    /// The worst that is so.
    pub fn worst(&self) -> Option<&Text> {
        self.0.values().find(|(at, _)| at.elapsed() < SHOWN).map(|(_, text)| text)
    }
}

/// What to do about a path that is not one of the protocol.
pub fn path(path: &str) -> Text {
    let lower = path.to_ascii_lowercase();
    let doubled = lower.rfind("/iclock/").filter(|at| *at > 0).and_then(|at| path.get(..at));
    match doubled {
        Some(prefix) => Text::new(
            format!("it asks for {path}: remove {prefix} from the server address in its menu"),
            format!("设备请求的路径为 {path}：请在设备菜单的服务器地址中去掉 {prefix}"),
        ),
        None => Text::new(
            format!(
                "it asks for {path}, which is not a path of this protocol (/iclock/…): set only this gateway's address and port as its server address, and let a proxy between pass the path as it is"
            ),
            format!(
                "设备请求的路径为 {path}，不属于本协议（/iclock/…）：服务器地址只填网关地址和端口，中间的代理请勿改写路径"
            ),
        ),
    }
}

/// A path fit for people: no control characters, short.
pub fn shown_path(path: &str) -> String {
    path.chars().filter(char::is_ascii_graphic).take(80).collect()
}

/// A body that is too large.
pub fn size(bytes: Option<u64>, most: usize) -> Text {
    let most = most / (1024 * 1024);
    let (en, zh) = match bytes {
        Some(bytes) => {
            let tenths = bytes.saturating_mul(10).div_ceil(1_000_000);
            (format!("{}.{} MB", tenths / 10, tenths % 10), format!("{}.{} MB", tenths / 10, tenths % 10))
        }
        None => (format!("more than {most} MiB"), format!("超过 {most} MiB")),
    };
    Text::new(
        format!(
            "it sends {en} in one request, and at most {most} MiB are taken: nothing of it was taken and it keeps its records. Fetch them in parts with `punchd devices reconcile`, a month at a time, or read its log by USB"
        ),
        format!(
            "设备单次上传 {zh}，上限为 {most} MiB：本次未接收，记录仍在设备上。请用 `punchd devices reconcile` 按月分段获取，或用 U 盘导出"
        ),
    )
}

/// A body without a length.
pub fn length() -> Text {
    Text::new(
        "it does not say how long its upload is (no Content-Length), so nothing can be taken: update its firmware, or look at the proxy between",
        "上传未给出长度（缺少 Content-Length），无法接收：请升级设备固件，或检查中间的代理",
    )
}

/// A body that cannot be read.
pub fn packed() -> Text {
    Text::new(
        "it packs or encrypts its uploads, which cannot be read here: nothing of it was taken and it keeps its records. Switch packed (tgz) and encrypted uploading off in its cloud server menu, or ask its vendor how",
        "设备上传的是压缩或加密的数据，无法读取：未接收，记录仍在设备上。请在云服务器菜单中关闭打包（tgz）和加密上传，或咨询厂家",
    )
}

/// It asks whether to open.
pub fn server_check() -> Text {
    Text::new(
        "it asks the server before it opens (background verification), which is not done here: switch that off on the terminal",
        "设备启用了后台验证（开门前询问服务器），网关不支持：请在设备上关闭该功能",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubled_path_is_told_with_what_to_remove() {
        assert!(path("/iclock/iclock/cdata").en.contains("remove /iclock from"));
        assert!(path("/app/iclock/getrequest").en.contains("remove /app from"));
        assert!(path("/cdata").en.contains("/iclock/…"));
        assert!(size(Some(9_500_001), 8 << 20).en.contains("9.6 MB"));
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_is_shown_until_it_is_over_or_long_ago() {
        let mut troubles = Troubles::default();
        assert!(troubles.happened(Cause::Packed, packed()) && !troubles.happened(Cause::Packed, packed()));
        troubles.happened(Cause::Path, path("/x"));
        assert_eq!(troubles.worst(), Some(&path("/x")));
        troubles.over(Cause::Path);
        assert_eq!(troubles.worst(), Some(&packed()));
        tokio::time::advance(SHOWN).await;
        assert_eq!(troubles.worst(), None);
        assert!(troubles.happened(Cause::Packed, packed()));
    }
}
