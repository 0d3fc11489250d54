//! The user list: whom the terminal knows, and when it has to be asked.

use punchd_contract::{Batch, TerminalUser};

use super::Visit;
use crate::pull::people::People;
use crate::pull::protocol::bulk::Table;
use crate::pull::protocol::sizes::Sizes;
use crate::pull::trouble::Trouble;

impl Visit<'_> {
    /// Reads the list before the log: when the count tells that it changed, and always where records name only rows, because a row
    /// can change hands while the count stays. Tells whether there is a list of this visit.
    pub(super) async fn people_before_the_log(&mut self, sizes: Option<Sizes>) -> Result<bool, Trouble> {
        let users = sizes.map(|sizes| sizes.users);
        let known = self.last_contact.is_some() && self.counts.users == users && !self.standing.names_rows;
        self.counts.users = users;
        if known { Ok(!self.report.without_people) } else { self.read_people(users).await }
    }

    /// Reads the list now; tells whether it could be.
    pub(in crate::pull) async fn read_people(&mut self, claimed: Option<u32>) -> Result<bool, Trouble> {
        let people = match self.session.read_table(Table::Users).await {
            Ok(body) => People::read(&body, self.settings.encoding, claimed).map_err(Trouble::from),
            Err(Trouble::NotHandedOver(..)) if claimed == Some(0) => Ok(People::default()),
            Err(trouble) => Err(trouble),
        };
        match people {
            Ok(people) => {
                self.people = people;
                self.report.without_people = false;
                Ok(true)
            }
            // Punches matter more than names, so that the log is read without them.
            Err(Trouble::Users(_) | Trouble::NotHandedOver(..) | Trouble::NoAnswer(_) | Trouble::OutOfOrder) => {
                self.report.without_people = true;
                Ok(false)
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// The list for the agent, if it has not been told this one.
    pub(super) fn untold_users(&mut self) -> Option<Vec<TerminalUser>> {
        if self.report.without_people {
            return None;
        }
        let users = self.people.for_the_agent();
        let untold = self.told_users.as_ref() != Some(&users);
        if untold {
            self.told_users = Some(users.clone());
        }
        untold.then_some(users)
    }

    /// Reads the list now and hands it over.
    pub(in crate::pull) async fn note_people(&mut self, claimed: Option<u32>) -> Result<(), Trouble> {
        self.counts.users = claimed;
        self.read_people(claimed).await?;
        if let Some(users) = self.untold_users() {
            self.submit(Batch { users: Some(users), ..Batch::default() }).await?;
        }
        Ok(())
    }
}
