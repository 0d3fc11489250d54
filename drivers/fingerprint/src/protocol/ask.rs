//! What a module can be asked, and which answers belong to it.

use super::{Address, Code, Packet, Pid};

/// Bytes of a page of the notepad.
pub const NOTEPAD_BYTES: usize = 32;

/// What can be asked. Buffers count from 1, pages of the library from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is a line of the table in facts/readers.md C.1 and carries its name")]
pub enum Ask {
    GenImg,
    Img2Tz { buffer: u8 },
    Match,
    Search { buffer: u8, start: u16, count: u16 },
    HighSpeedSearch { buffer: u8, start: u16, count: u16 },
    RegModel,
    Store { buffer: u8, page: u16 },
    LoadChar { buffer: u8, page: u16 },
    UpChar { buffer: u8 },
    DownChar { buffer: u8 },
    UpImage,
    DeletChar { page: u16, count: u16 },
    Empty,
    SetSysPara { number: u8, value: u8 },
    ReadSysPara,
    SetPwd { password: u32 },
    VfyPwd { password: u32 },
    SetAdder { address: Address },
    GetRandom,
    WriteNotepad { page: u8, content: [u8; NOTEPAD_BYTES] },
    ReadNotepad { page: u8 },
    TempleteNum,
    ReadIndexTable { page: u8 },
    AuraLed(Aura),
    CheckSensor,
    ReadProductInfo,
    SoftRst,
    HandShake,
    LedOn,
    LedOff,
    Echo,
}

/// What the ring shall show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aura {
    /// How.
    pub control: Control,
    /// How fast: 0 is fastest.
    pub speed: u8,
    /// 1 red, 2 blue, 3 purple; newer also 4 green, 5 yellow, 6 cyan, 7 white.
    pub colour: u8,
    /// How often; 0 is for ever.
    pub count: u8,
}

/// How the ring shines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the manual")]
pub enum Control {
    Breathe,
    Flash,
    On,
    Off,
    FadeOn,
    FadeOff,
}

impl Control {
    const ALL: [Self; 6] = [Self::Breathe, Self::Flash, Self::On, Self::Off, Self::FadeOn, Self::FadeOff];

    fn byte(self) -> u8 {
        Self::ALL.into_iter().zip(1..).find(|(control, _)| *control == self).map_or(4, |(_, byte)| byte)
    }

    fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().zip(1..).find(|(_, known)| *known == byte).map(|(control, _)| control)
    }
}

/// How many bytes follow the code where the answer is "done".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Params {
    /// So many.
    Exactly(usize),
    /// So many or more: what a later firmware adds is not looked at.
    AtLeast(usize),
}

impl Ask {
    /// The command as it goes to the module with this address.
    pub fn packet(&self, address: Address) -> Packet {
        Packet { address, pid: Pid::Command, content: self.content() }
    }

    /// Its name in the manuals, and its number.
    pub fn name(&self) -> String {
        let shown = format!("{self:?}");
        let name = shown.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        format!("{name} ({:02X})", self.content().first().copied().unwrap_or_default())
    }

    fn content(&self) -> Vec<u8> {
        let paged = |op: u8, buffer: u8, page: u16| [&[op, buffer][..], &page.to_be_bytes()].concat();
        let ranged = |op: u8, buffer: u8, start: u16, count: u16| {
            [&[op, buffer][..], &start.to_be_bytes(), &count.to_be_bytes()].concat()
        };
        let worded = |op: u8, word: u32| [&[op][..], &word.to_be_bytes()].concat();
        match *self {
            Self::GenImg => vec![0x01],
            Self::Img2Tz { buffer } => vec![0x02, buffer],
            Self::Match => vec![0x03],
            Self::Search { buffer, start, count } => ranged(0x04, buffer, start, count),
            Self::HighSpeedSearch { buffer, start, count } => ranged(0x1B, buffer, start, count),
            Self::RegModel => vec![0x05],
            Self::Store { buffer, page } => paged(0x06, buffer, page),
            Self::LoadChar { buffer, page } => paged(0x07, buffer, page),
            Self::UpChar { buffer } => vec![0x08, buffer],
            Self::DownChar { buffer } => vec![0x09, buffer],
            Self::UpImage => vec![0x0A],
            Self::DeletChar { page, count } => [&[0x0C][..], &page.to_be_bytes(), &count.to_be_bytes()].concat(),
            Self::Empty => vec![0x0D],
            Self::SetSysPara { number, value } => vec![0x0E, number, value],
            Self::ReadSysPara => vec![0x0F],
            Self::SetPwd { password } => worded(0x12, password),
            Self::VfyPwd { password } => worded(0x13, password),
            Self::GetRandom => vec![0x14],
            Self::SetAdder { address } => worded(0x15, address.0),
            Self::WriteNotepad { page, content } => [&[0x18, page][..], &content].concat(),
            Self::ReadNotepad { page } => vec![0x19, page],
            Self::TempleteNum => vec![0x1D],
            Self::ReadIndexTable { page } => vec![0x1F, page],
            Self::AuraLed(Aura { control, speed, colour, count }) => vec![0x35, control.byte(), speed, colour, count],
            Self::CheckSensor => vec![0x36],
            Self::ReadProductInfo => vec![0x3C],
            Self::SoftRst => vec![0x3D],
            Self::HandShake => vec![0x40],
            Self::LedOn => vec![0x50],
            Self::LedOff => vec![0x51],
            Self::Echo => vec![0x53],
        }
    }

    /// From the content of a command; `None` where it is none of these, or of another length.
    pub fn parse(content: &[u8]) -> Option<Self> {
        let (op, rest) = content.split_first()?;
        let word = |rest: &[u8]| Some(u32::from_be_bytes(rest.try_into().ok()?));
        let page = |rest: &[u8]| Some(u16::from_be_bytes(rest.try_into().ok()?));
        let range = |rest: &[u8]| {
            let [buffer, a, b, c, d] = *<&[u8; 5]>::try_from(rest).ok()?;
            Some((buffer, u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
        };
        Some(match (op, rest) {
            (0x01, []) => Self::GenImg,
            (0x02, [buffer]) => Self::Img2Tz { buffer: *buffer },
            (0x03, []) => Self::Match,
            (0x04, rest) => range(rest).map(|(buffer, start, count)| Self::Search { buffer, start, count })?,
            (0x1B, rest) => range(rest).map(|(buffer, start, count)| Self::HighSpeedSearch { buffer, start, count })?,
            (0x05, []) => Self::RegModel,
            (0x06, [buffer, rest @ ..]) => Self::Store { buffer: *buffer, page: page(rest)? },
            (0x07, [buffer, rest @ ..]) => Self::LoadChar { buffer: *buffer, page: page(rest)? },
            (0x08, [buffer]) => Self::UpChar { buffer: *buffer },
            (0x09, [buffer]) => Self::DownChar { buffer: *buffer },
            (0x0A, []) => Self::UpImage,
            (0x0C, [a, b, rest @ ..]) => Self::DeletChar { page: u16::from_be_bytes([*a, *b]), count: page(rest)? },
            (0x0D, []) => Self::Empty,
            (0x0E, [number, value]) => Self::SetSysPara { number: *number, value: *value },
            (0x0F, []) => Self::ReadSysPara,
            (0x12, rest) => Self::SetPwd { password: word(rest)? },
            (0x13, rest) => Self::VfyPwd { password: word(rest)? },
            (0x14, []) => Self::GetRandom,
            (0x15, rest) => Self::SetAdder { address: Address(word(rest)?) },
            (0x18, [page, rest @ ..]) => Self::WriteNotepad { page: *page, content: rest.try_into().ok()? },
            (0x19, [page]) => Self::ReadNotepad { page: *page },
            (0x1D, []) => Self::TempleteNum,
            (0x1F, [page]) => Self::ReadIndexTable { page: *page },
            (0x35, [control, speed, colour, count]) => {
                let control = Control::of(*control)?;
                Self::AuraLed(Aura { control, speed: *speed, colour: *colour, count: *count })
            }
            (0x36, []) => Self::CheckSensor,
            (0x3C, []) => Self::ReadProductInfo,
            (0x3D, []) => Self::SoftRst,
            (0x40, []) => Self::HandShake,
            (0x50, []) => Self::LedOn,
            (0x51, []) => Self::LedOff,
            (0x53, []) => Self::Echo,
            _ => return None,
        })
    }

    /// What follows the code in an answer that says "done".
    pub fn params(&self) -> Params {
        match self {
            Self::Match | Self::TempleteNum => Params::Exactly(2),
            Self::Search { .. } | Self::HighSpeedSearch { .. } | Self::GetRandom => Params::Exactly(4),
            Self::ReadSysPara => Params::Exactly(16),
            Self::ReadNotepad { .. } => Params::Exactly(NOTEPAD_BYTES),
            Self::ReadIndexTable { .. } => Params::Exactly(super::INDEX_BYTES),
            Self::ReadProductInfo => Params::AtLeast(super::Product::BYTES),
            _ => Params::Exactly(0),
        }
    }

    /// Whether an answer can be one to this. Modules were seen to answer twice (facts/readers.md C.3), and the second answer must
    /// not pass for that to the next question: its length tells, or a code that only another question has.
    pub fn takes(&self, code: Code, params: usize) -> bool {
        if code == Code::Ok {
            return match self.params() {
                Params::Exactly(length) => params == length,
                Params::AtLeast(length) => params >= length,
            };
        }
        match code {
            Code::NoFinger | Code::ImageFailed => matches!(self, Self::GenImg),
            Code::TooMessy | Code::NoValidImage => matches!(self, Self::Img2Tz { .. }),
            Code::TooFewPoints => matches!(self, Self::Img2Tz { .. } | Self::GenImg),
            Code::NoMatch => {
                matches!(
                    self,
                    Self::Match
                        | Self::Search { .. }
                        | Self::HighSpeedSearch { .. }
                        | Self::Img2Tz { .. }
                        | Self::RegModel
                )
            }
            Code::NotFound | Code::LibraryEmpty => matches!(self, Self::Search { .. } | Self::HighSpeedSearch { .. }),
            Code::CannotMerge => matches!(self, Self::RegModel),
            Code::BadPage => matches!(
                self,
                Self::Store { .. }
                    | Self::LoadChar { .. }
                    | Self::DeletChar { .. }
                    | Self::Search { .. }
                    | Self::HighSpeedSearch { .. }
                    | Self::ReadIndexTable { .. }
            ),
            Code::ReadTemplateFailed => matches!(self, Self::LoadChar { .. }),
            Code::UploadFailed => matches!(self, Self::UpChar { .. }),
            Code::CannotReceive => matches!(self, Self::DownChar { .. }),
            Code::ImageUploadFailed => matches!(self, Self::UpImage | Self::UpChar { .. }),
            Code::DeleteFailed => matches!(self, Self::DeletChar { .. }),
            Code::EmptyFailed => matches!(self, Self::Empty),
            Code::WrongPassword => matches!(self, Self::VfyPwd { .. }),
            Code::BadRegister | Code::BadRegisterValue => matches!(self, Self::SetSysPara { .. }),
            Code::BadNotepadPage => matches!(self, Self::ReadNotepad { .. } | Self::WriteNotepad { .. }),
            Code::LibraryFull => matches!(self, Self::Store { .. }),
            Code::Ready => matches!(self, Self::Echo | Self::HandShake),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_content_makes_the_parser_panic_and_what_it_understands_it_writes_the_same(
            op in any::<u8>(), rest in proptest::collection::vec(any::<u8>(), 0..40)
        ) {
            let content = [&[op][..], &rest].concat();
            if let Some(ask) = Ask::parse(&content) {
                prop_assert_eq!(ask.content(), content);
            }
            prop_assert_eq!(Ask::parse(&[]), None);
        }
    }

    #[test]
    fn the_second_of_two_answers_does_not_pass_for_that_of_the_next_question() {
        // GenImg says "no finger" twice, then the image is made.
        assert!(!Ask::Img2Tz { buffer: 1 }.takes(Code::NoFinger, 0));
        // Img2Tz says "done" twice, then the library is searched.
        let search = Ask::HighSpeedSearch { buffer: 1, start: 0, count: 200 };
        assert!(!search.takes(Code::Ok, 0));
        assert!(search.takes(Code::Ok, 4) && search.takes(Code::NotFound, 4) && search.takes(Code::NotFound, 0));
        // A search is answered twice, then the next image is taken.
        assert!(!Ask::GenImg.takes(Code::Ok, 4) && !Ask::GenImg.takes(Code::NotFound, 4));
    }
}
