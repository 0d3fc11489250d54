//! What the numbers of a record mean (facts/terminals.md B.7; not the codes of the pull protocol).

use punchd_contract::{Direction, Method};

/// How the person proved who they are.
pub fn method(verify: Option<u16>) -> Method {
    match verify {
        None | Some(0 | 255) => Method::Unsaid,
        Some(1 | 21..=24) => Method::Finger,
        Some(3) => Method::Password,
        Some(4) => Method::Card,
        Some(5..=14 | 16..=20 | 26..=29) => Method::Several,
        Some(15) => Method::Face,
        Some(25) => Method::Palm,
        Some(other) => Method::Other(other),
    }
}

/// Which way an attendance terminal says the person went.
pub fn direction(status: Option<u16>) -> Direction {
    status.map_or(Direction::Unsaid, Direction::from_state)
}

/// Which side of a door an access controller says: 0 and 1; its other numbers are not those of attendance.
pub fn side_of_door(inoutstatus: Option<u16>) -> Direction {
    match inoutstatus {
        Some(0) => Direction::In,
        Some(1) => Direction::Out,
        // [K] 2: the reader belongs to no side.
        None | Some(2 | 255) => Direction::Unsaid,
        Some(other) => Direction::Other(other),
    }
}
