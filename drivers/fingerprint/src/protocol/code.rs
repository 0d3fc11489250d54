//! The confirmation code, the first byte of every answer.

/// What a module says to what it was asked (facts/readers.md C.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Done.
    Ok,
    /// It did not understand the packet, or not yet.
    PacketError,
    /// No finger lies on it.
    NoFinger,
    /// It could not take the image.
    ImageFailed,
    /// The image is too messy: a wet or dirty finger, or dirt on the glass.
    TooMessy,
    /// The image shows too few points: a dry finger, or too little of it.
    TooFewPoints,
    /// The two are not of one finger.
    NoMatch,
    /// No finger of the library.
    NotFound,
    /// The touches do not make one template.
    CannotMerge,
    /// No such slot.
    BadPage,
    /// The slot is empty or its template damaged.
    ReadTemplateFailed,
    /// It cannot send the template.
    UploadFailed,
    /// It cannot take the template.
    CannotReceive,
    /// It cannot send the image.
    ImageUploadFailed,
    /// Not deleted.
    DeleteFailed,
    /// Not emptied.
    EmptyFailed,
    /// The password is another.
    WrongPassword,
    /// There is no image to work on.
    NoValidImage,
    /// Its flash memory cannot be written.
    FlashError,
    /// No such register.
    BadRegister,
    /// No such value of the register.
    BadRegisterValue,
    /// No such page of the notepad.
    BadNotepadPage,
    /// The library is full.
    LibraryFull,
    /// The address is another.
    AddressError,
    /// The password comes first.
    MustVerify,
    /// The template is empty.
    TemplateEmpty,
    /// The library is empty.
    LibraryEmpty,
    /// It waited too long.
    Timeout,
    /// The finger is stored already.
    FingerExists,
    /// The sensor is broken.
    SensorHardware,
    /// It has no such command.
    Unsupported,
    /// It is broken.
    Hardware,
    /// It tried and failed.
    Failed,
    /// It works and can be asked: the answer to an echo.
    Ready,
    /// Anything else.
    Other(u8),
}

const TABLE: [(u8, Code); 34] = [
    (0x00, Code::Ok),
    (0x01, Code::PacketError),
    (0x02, Code::NoFinger),
    (0x03, Code::ImageFailed),
    (0x06, Code::TooMessy),
    (0x07, Code::TooFewPoints),
    (0x08, Code::NoMatch),
    (0x09, Code::NotFound),
    (0x0A, Code::CannotMerge),
    (0x0B, Code::BadPage),
    (0x0C, Code::ReadTemplateFailed),
    (0x0D, Code::UploadFailed),
    (0x0E, Code::CannotReceive),
    (0x0F, Code::ImageUploadFailed),
    (0x10, Code::DeleteFailed),
    (0x11, Code::EmptyFailed),
    (0x13, Code::WrongPassword),
    (0x15, Code::NoValidImage),
    (0x18, Code::FlashError),
    (0x1A, Code::BadRegister),
    (0x1B, Code::BadRegisterValue),
    (0x1C, Code::BadNotepadPage),
    (0x1F, Code::LibraryFull),
    (0x20, Code::AddressError),
    (0x21, Code::MustVerify),
    (0x22, Code::TemplateEmpty),
    (0x24, Code::LibraryEmpty),
    (0x26, Code::Timeout),
    (0x27, Code::FingerExists),
    (0x29, Code::SensorHardware),
    (0xFC, Code::Unsupported),
    (0xFD, Code::Hardware),
    (0xFE, Code::Failed),
    (0x55, Code::Ready),
];

impl Code {
    /// Whether it is said of the command itself: the module does not have it, or not like this.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::PacketError | Self::Unsupported)
    }

    /// From the byte.
    pub fn of(byte: u8) -> Self {
        TABLE.into_iter().find(|(known, _)| *known == byte).map_or(Self::Other(byte), |(_, code)| code)
    }

    /// The byte.
    pub fn byte(self) -> u8 {
        match self {
            Self::Other(byte) => byte,
            known => TABLE.into_iter().find(|(_, code)| *code == known).map_or(0xFE, |(byte, _)| byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_a_code_and_back() {
        for byte in 0..=255 {
            assert_eq!(Code::of(byte).byte(), byte);
        }
    }
}
