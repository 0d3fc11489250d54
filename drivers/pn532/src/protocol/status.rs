//! What the chip says of itself and of what became of a command (facts/readers.md A.3).

use punchd_contract::Text;

/// The chip's own version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Firmware {
    /// The chip: 32 is a PN532.
    pub chip: u8,
    /// Version.
    pub version: u8,
    /// Revision.
    pub revision: u8,
    /// What it can read: 1 ISO 14443 A, 2 ISO 14443 B, 4 ISO 18092 (FeliCa).
    pub reads: u8,
}

impl Firmware {
    /// Reads the data of the answer to GetFirmwareVersion.
    pub fn parse(data: &[u8]) -> Option<Self> {
        match *data {
            [chip, version, revision, reads, ..] => Some(Self { chip, version, revision, reads }),
            _ => None,
        }
    }

    /// Whether it is the chip that this driver speaks to.
    pub fn is_pn532(self) -> bool {
        self.chip == 0x32
    }
}

impl std::fmt::Display for Firmware {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PN5{:02X} firmware {}.{}", self.chip, self.version, self.revision)
    }
}

/// The status byte in front of what a card answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u8);

impl Status {
    /// Done.
    pub fn is_ok(self) -> bool {
        self.code() == 0
    }

    /// There is more of the answer to be fetched.
    pub fn more(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// The error; 0 is none.
    pub fn code(self) -> u8 {
        self.0 & 0x3F
    }

    /// The error in words.
    pub fn words(self) -> Text {
        let (en, zh) = match self.code() {
            0x00 => ("done", "完成"),
            0x01 => ("the card does not answer", "卡片无应答"),
            0x02 => ("the card's answer arrived damaged (CRC)", "卡片应答损坏（CRC）"),
            0x03 => ("the card's answer arrived damaged (parity)", "卡片应答损坏（奇偶校验）"),
            0x04 => ("the card's answer has a wrong number of bits", "卡片应答位数错误"),
            0x05 => ("the card's answer is no frame", "卡片应答帧错误"),
            0x06 => ("several cards answered at once", "多张卡同时应答"),
            0x07 | 0x0E => ("the answer is too long for the reader", "应答过长，读卡器容不下"),
            0x09 => ("the reader's receive buffer overflowed", "读卡器接收缓冲溢出"),
            0x0A => ("the reader's field was not switched on in time", "射频场未及时开启"),
            0x0B => ("the card does not keep to the protocol", "卡片不遵守协议"),
            0x0D => ("the reader is too hot", "读卡器过热"),
            0x10 => ("the reader refuses a parameter", "读卡器拒绝参数"),
            0x13 => ("the card's data have a wrong format", "卡片数据格式错误"),
            0x14 => ("the card refuses the key", "卡片密钥认证失败"),
            0x23 => ("the card's number has a wrong check byte", "卡号校验错误"),
            0x25 | 0x26 => ("this is not possible in the state of the card", "卡片当前状态不允许此操作"),
            0x27 => ("the card is no longer selected", "卡片已不在选中状态"),
            0x29 => ("the card was released", "卡片已被释放"),
            0x2A => ("another card lies there now", "卡片已更换"),
            0x2B => ("the card was taken away", "卡片已拿开"),
            0x2D => ("the reader draws too much current", "读卡器电流过大"),
            _ => ("an error that the reader's manual does not name", "手册未说明的错误"),
        };
        Text::new(en, zh)
    }
}
