//! What lies in the field, from the answer to InListPassiveTarget (facts/readers.md A.4).

/// The ways in which a card can talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Technology {
    /// ISO 14443 A at 106 kbit/s: MIFARE, NTAG, DESFire, phones.
    A,
    /// ISO 14443 B at 106 kbit/s.
    B,
    /// FeliCa at 212 kbit/s.
    Felica212,
    /// FeliCa at 424 kbit/s.
    Felica424,
}

/// What one list found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listing {
    /// Nothing.
    Nothing,
    /// One card, and the number under which it is spoken to.
    One(u8, Target),
    /// Two: more are not told.
    Several,
}

/// A card as it showed itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// ISO 14443 A.
    A(TypeA),
    /// ISO 14443 B.
    B(TypeB),
    /// FeliCa.
    Felica(Felica),
}

/// A card of type A.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeA {
    /// SENS_RES, high byte first.
    pub atqa: [u8; 2],
    /// SEL_RES.
    pub sak: u8,
    /// The UID in air order, without cascade tags: 4, 7 or 10 bytes.
    pub uid: Vec<u8>,
    /// The answer to select, without its length, where the card speaks ISO 14443-4.
    pub ats: Option<Vec<u8>>,
}

/// A card of type B.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeB {
    /// Pseudo-unique: some cards choose a new one every time.
    pub pupi: [u8; 4],
    /// Application data.
    pub application: [u8; 4],
    /// Protocol information.
    pub protocol: [u8; 3],
}

/// A FeliCa card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Felica {
    /// Manufacture id: the card's number.
    pub idm: [u8; 8],
    /// Manufacture parameters.
    pub pmm: [u8; 8],
    /// System code, where the card told it.
    pub system: Option<[u8; 2]>,
}

impl TypeA {
    /// Whether it takes commands of applications (ISO 14443-4).
    pub fn is_iso_dep(&self) -> bool {
        self.sak & 0x20 != 0
    }

    /// Whether the number is made up anew for every tap, as phones do (facts/readers.md A.5).
    pub fn is_random(&self) -> bool {
        matches!(*self.uid, [0x08, _, _, _])
    }
}

impl Felica {
    /// Whether the number is made up anew: `01 FE` marks a device that offers a peer-to-peer link and no card (ISO 18092; general
    /// knowledge).
    pub fn is_random(&self) -> bool {
        self.idm.starts_with(&[0x01, 0xFE])
    }
}

/// The data of the answer do not have the form that the technology asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reader told of a card in a form that is not known")]
pub struct Malformed;

impl Listing {
    /// Reads the data of the answer: the number of targets, and each one's data. Surplus bytes are ignored (A.8).
    pub fn parse(technology: Technology, data: &[u8]) -> Result<Self, Malformed> {
        match data {
            [0, ..] => Ok(Self::Nothing),
            [1, number, rest @ ..] => {
                let target = match technology {
                    Technology::A => Target::A(type_a(rest).ok_or(Malformed)?),
                    Technology::B => Target::B(type_b(rest).ok_or(Malformed)?),
                    Technology::Felica212 | Technology::Felica424 => Target::Felica(felica(rest).ok_or(Malformed)?),
                };
                Ok(Self::One(*number, target))
            }
            [2, ..] => Ok(Self::Several),
            _ => Err(Malformed),
        }
    }
}

fn type_a(data: &[u8]) -> Option<TypeA> {
    let ([atqa_high, atqa_low, sak, length], rest) = data.split_first_chunk()?;
    if !matches!(length, 4 | 7 | 10) {
        return None;
    }
    let (uid, rest) = rest.split_at_checked(usize::from(*length))?;
    let mut card = TypeA { atqa: [*atqa_high, *atqa_low], sak: *sak, uid: uid.to_vec(), ats: None };
    if card.is_iso_dep()
        && let Some((length, rest)) = rest.split_first()
    {
        // The length counts itself.
        card.ats = Some(rest.get(..usize::from(*length).checked_sub(1)?)?.to_vec());
    }
    Some(card)
}

fn type_b(data: &[u8]) -> Option<TypeB> {
    let (atqb, rest): (&[u8; 12], _) = data.split_first_chunk()?;
    let [0x50, p0, p1, p2, p3, a0, a1, a2, a3, c0, c1, c2] = *atqb else { return None };
    // What the card said to its selection; its length does not count itself, and it says nothing about who it is.
    if let Some((length, rest)) = rest.split_first() {
        rest.get(..usize::from(*length))?;
    }
    Some(TypeB { pupi: [p0, p1, p2, p3], application: [a0, a1, a2, a3], protocol: [c0, c1, c2] })
}

fn felica(data: &[u8]) -> Option<Felica> {
    let (length, rest) = data.split_first()?;
    // The length counts itself.
    let body = rest.get(..usize::from(*length).checked_sub(1)?)?;
    let (code, body) = body.split_first()?;
    let (idm, body) = body.split_first_chunk()?;
    let (pmm, body) = body.split_first_chunk()?;
    let system = match body {
        [] => None,
        [high, low] => Some([*high, *low]),
        _ => return None,
    };
    (*code == 0x01).then_some(Felica { idm: *idm, pmm: *pmm, system })
}
