//! People and their credentials from a spreadsheet's CSV file.

mod card;

pub use card::{CardNumber, NotACard};
