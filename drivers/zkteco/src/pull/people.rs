//! Whom a terminal knows: its user list, as read in this session.

use std::collections::HashMap;

use punchd_contract::TerminalUser;

use super::protocol::layout::Users;
use super::protocol::names::Encoding;
use super::protocol::user::{User, UserError, UserForm, decode_users};
use super::rows::RowHolders;

/// The user list.
#[derive(Clone, Debug, Default)]
pub struct People {
    users: Vec<User>,
    /// The place of who has a row; none where two have it.
    by_uid: HashMap<u16, Option<usize>>,
    holders: RowHolders,
    form: Option<UserForm>,
    encoding: Option<Encoding>,
}

impl People {
    /// Reads the list; `encoding` as configured, or told from the names; `claimed` is how many people the terminal counts.
    pub fn read(body: &[u8], encoding: Option<Encoding>, claimed: Option<u32>) -> Result<Self, UserError> {
        let (form, users) = decode_users(body, claimed)?;
        let encoding = encoding.or_else(|| Encoding::guess(users.iter().map(|user| user.name.as_slice())));
        let mut by_uid = HashMap::with_capacity(users.len());
        for (place, user) in users.iter().enumerate() {
            by_uid.entry(user.uid).and_modify(|known| *known = None).or_insert(Some(place));
        }
        let people = Self { users, by_uid, form, encoding, holders: RowHolders::default() };
        Ok(Self { holders: RowHolders::of(&people), ..people })
    }

    /// Every row and who has it.
    pub fn rows(&self) -> impl Iterator<Item = (u16, &str)> {
        self.users.iter().map(|user| (user.uid, user.user_id.as_str()))
    }

    /// Who has which row, in short.
    pub fn holders(&self) -> &RowHolders {
        &self.holders
    }

    /// What a log's layout is checked against; nothing where the list has nobody.
    pub fn known(&self) -> Option<Users> {
        let users = || self.users.iter();
        (!self.users.is_empty()).then(|| Users {
            rows: users().map(|user| user.uid).collect(),
            ids: users().map(|user| user.user_id.clone()).collect(),
        })
    }

    /// The form of the records, where there is one to see.
    pub fn form(&self) -> Option<UserForm> {
        self.form
    }

    /// The encoding of names. Without a name that shows it: what firmware with this form mostly uses.
    pub fn encoding(&self) -> Encoding {
        self.encoding.unwrap_or(match self.form {
            Some(UserForm::Short) => Encoding::Gbk,
            _ => Encoding::Utf8,
        })
    }

    /// The user id behind an index.
    pub fn user_id_of(&self, uid: u16) -> Option<&str> {
        let place = (*self.by_uid.get(&uid)?)?;
        self.users.get(place).map(|user| user.user_id.as_str())
    }

    /// The index of a user id.
    pub fn uid_of(&self, user_id: &str) -> Option<u16> {
        self.user(user_id).map(|user| user.uid)
    }

    /// Someone by user id.
    pub fn user(&self, user_id: &str) -> Option<&User> {
        self.users.iter().find(|user| user.user_id == user_id)
    }

    /// The user id that is this number, if exactly one is.
    pub fn only_user_id_worth(&self, number: u32) -> Option<&str> {
        let mut found = self.users.iter().filter(|user| user.user_id.parse() == Ok(number));
        let one = found.next()?;
        found.next().is_none().then_some(one.user_id.as_str())
    }

    /// An index that nobody has.
    pub fn free_uid(&self) -> Option<u16> {
        let highest = self.users.iter().map(|user| user.uid).max().unwrap_or(0);
        highest.checked_add(1).or_else(|| (1..u16::MAX).find(|uid| self.user_id_of(*uid).is_none()))
    }

    /// As the agent takes it.
    pub fn for_the_agent(&self) -> Vec<TerminalUser> {
        let encoding = self.encoding();
        let one = |user: &User| TerminalUser {
            user_id: user.user_id.clone(),
            name: encoding.decode(&user.name),
            card: (user.card != 0).then(|| user.card.to_string()),
        };
        self.users.iter().map(one).collect()
    }
}
