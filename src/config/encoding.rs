//! How a file that is not UTF-8 is probably written, and what to do about it.

use std::path::Path;

use punchd_contract::Text;

/// An encoding that editors use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Two bytes a character: "Unicode" in Windows.
    Utf16,
    /// Chinese Windows' "ANSI".
    Gbk,
    /// Western Windows' "ANSI".
    Windows1252,
}

impl Encoding {
    /// The most likely one of bytes that are no UTF-8.
    pub(super) fn of(bytes: &[u8]) -> Self {
        if bytes.contains(&0) || bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
            return Self::Utf16;
        }
        // Nearly all Chinese text is of pairs with both bytes above A0 (GB 2312); in western text such bytes stand alone.
        let mut rest = bytes.iter().copied();
        let (mut pairs, mut alone) = (0_usize, 0_usize);
        while let Some(byte) = rest.next() {
            if byte < 0x80 {
                continue;
            }
            match rest.clone().next() {
                Some(0xA1..=0xFE) if (0xA1..=0xF7).contains(&byte) => {
                    rest.next();
                    pairs += 1;
                }
                _ => alone += 1,
            }
        }
        if pairs > alone { Self::Gbk } else { Self::Windows1252 }
    }

    pub(super) fn text(self, path: &Path) -> Text {
        let path = path.display();
        let (name, zh, iconv) = match self {
            Self::Utf16 => ("UTF-16 (\"Unicode\" in Windows)", "UTF-16（Windows 中的“Unicode”）", "UTF-16"),
            Self::Gbk => ("GBK (\"ANSI\" in Chinese Windows)", "GBK（中文 Windows 的“ANSI”）", "GB18030"),
            Self::Windows1252 => {
                ("Windows-1252 (\"ANSI\" in Windows)", "Windows-1252（西文 Windows 的“ANSI”）", "WINDOWS-1252")
            }
        };
        Text::new(
            format!(
                "is not UTF-8 from here on; it looks like {name}: save the file as UTF-8, or convert it: iconv -f {iconv} -t UTF-8 {path}"
            ),
            format!(
                "从这里开始不是 UTF-8 编码，看起来是 {zh}：请另存为 UTF-8，或转换：iconv -f {iconv} -t UTF-8 {path}"
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_windows_are_told_apart() {
        let (gbk, _, _) = encoding_rs::GBK.encode("name = \"一号门\" # 上海");
        assert_eq!(Encoding::of(&gbk), Encoding::Gbk);
        let (western, _, _) = encoding_rs::WINDOWS_1252.encode("name = “Tür” # façade");
        assert_eq!(Encoding::of(&western), Encoding::Windows1252);
        let utf16: Vec<u8> = "\u{feff}a = 1".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(Encoding::of(&utf16), Encoding::Utf16);
        assert!(Encoding::Gbk.text(Path::new("x.toml")).zh.contains("iconv -f GB18030 -t UTF-8 x.toml"));
    }
}
