//! From bytes to text: which of a spreadsheet program's encodings a file is in.

use encoding_rs::{Encoding, GB18030, UTF_16BE, UTF_16LE};

use super::defects::Defects;

/// The text of the file, or `None` with an error among the defects.
pub(super) fn decode(bytes: &[u8], defects: &mut Defects) -> Option<String> {
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
        defects.error(
            1,
            None,
            "this is an Excel workbook, not CSV: open it and save it as \"CSV UTF-8 (comma delimited)\"",
            "这是 Excel 工作簿，不是 CSV：请打开后另存为“CSV UTF-8（逗号分隔）”",
        );
        return None;
    }
    if let Some(rest) = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]) {
        defects.note(1, None, "begins with a byte order mark, which was skipped", "开头有 BOM 标记，已跳过");
        return utf8_or_gbk(rest, defects);
    }
    if let Some(rest) = bytes.strip_prefix(&[0xFF, 0xFE]) {
        return wide(rest, UTF_16LE, defects);
    }
    if let Some(rest) = bytes.strip_prefix(&[0xFE, 0xFF]) {
        return wide(rest, UTF_16BE, defects);
    }
    match zero_bytes(bytes) {
        Some(encoding) => wide(bytes, encoding, defects),
        None => utf8_or_gbk(bytes, defects),
    }
}

/// UTF-16 without its mark shows itself by the zero halves of separators and line ends.
fn zero_bytes(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = bytes.get(..bytes.len().min(4096)).unwrap_or(bytes);
    let zeros = |parity: usize| start.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    match (zeros(0), zeros(1)) {
        (0, 0) => None,
        (even, odd) if even < odd => Some(UTF_16LE),
        _ => Some(UTF_16BE),
    }
}

fn wide(bytes: &[u8], encoding: &'static Encoding, defects: &mut Defects) -> Option<String> {
    let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) else {
        defects.error(
            1,
            None,
            format!("looks like {} but is damaged: save it again as \"CSV UTF-8\"", encoding.name()),
            format!("看起来是 {} 编码但已损坏：请重新另存为“CSV UTF-8”", encoding.name()),
        );
        return None;
    };
    let name = encoding.name();
    defects.note(1, None, format!("is in {name} and was read as such"), format!("编码为 {name}，已按此读取"));
    Some(text.into_owned())
}

fn utf8_or_gbk(bytes: &[u8], defects: &mut Defects) -> Option<String> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Some(text.to_owned()),
        Err(error) => error,
    };
    match GB18030.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) => {
            defects.note(
                1,
                None,
                "is in GBK, as Excel saves plain CSV in Chinese, and was read as such; look at the names",
                "编码为 GBK（中文版 Excel 普通 CSV 的编码），已按此读取；请核对姓名",
            );
            Some(text.into_owned())
        }
        None => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or(bytes);
            let row = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            defects.error(
                row,
                None,
                "is neither UTF-8 nor GBK from about this row on: save the file again as \"CSV UTF-8\"",
                "大约从此行起既不是 UTF-8 也不是 GBK：请重新另存为“CSV UTF-8”",
            );
            None
        }
    }
}
