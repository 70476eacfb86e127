//! Resolves the keys and names in rows to ids; creates missing master data if the map allows it.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::super::decide::attribution::SourceSolution;
use super::super::decide::history::Ids;
use super::super::model::{Create, ImportMap, Row};
use crate::catalogue::model::{Kind, SaveEntry, SaveTeam};
use crate::kernel::{Code, Error, Message, Result, Role, boxed, refuse};
use crate::msg;
use crate::people::model::{CreateUser, SaveCustomer, UpdateUser};
use crate::runtime::{Command as _, Tx};
use crate::{catalogue, people};

pub struct ReferenceResolver {
    source: String,
    create: Create,
    entries: HashSet<(Kind, String)>,
    pub ids: Ids,
}

impl ReferenceResolver {
    pub fn new(map: &ImportMap) -> Self {
        Self { source: map.source.to_lowercase(), create: map.create, entries: HashSet::new(), ids: Ids::default() }
    }

    /// Resolves all references of the rows of a ticket.
    #[boxed]
    pub async fn resolve(&mut self, tx: &mut Tx, rows: &[Row]) -> Result<()> {
        let create = self.create;
        // Otherwise its tags are texts, and none of the catalogue.
        let is_attributed = SourceSolution::of(rows).is_whole();
        for row in rows {
            for (kind, key, create) in [
                (Kind::IssueType, &row.issue_type, create.issue_types),
                (Kind::Product, &row.product, create.products),
                (Kind::SolutionTag, &row.solution_tag, create.tags),
                (Kind::CauseTag, &row.cause_tag, create.tags),
            ] {
                let is_used = is_attributed || !matches!(kind, Kind::SolutionTag | Kind::CauseTag);
                if let Some(key) = key.as_ref().filter(|_| is_used) {
                    self.entry(tx, kind, key, create).await?;
                }
            }
            if let Some(key) = &row.team {
                self.team(tx, key).await?;
            }
            if let Some(key) = &row.customer {
                self.customer(tx, key).await?;
            }
            if let Some(name) = &row.assignee {
                self.person(tx, name).await?;
            }
            // The operator is only for the audit trail, so it may be unknown.
            if let Some(name) = row.operator.as_ref().filter(|_| create.people) {
                self.person(tx, name).await?;
            }
        }
        Ok(())
    }

    async fn entry(&mut self, tx: &mut Tx, kind: Kind, key: &str, create: bool) -> Result<()> {
        if self.entries.contains(&(kind, key.to_owned())) {
            return Ok(());
        }
        if catalogue::queries::find(tx.conn(), kind, key).await?.is_none() {
            if !create {
                return Err(rejected(msg!("import-catalogue-key-missing", key = key, kind = kind.as_str())));
            }
            let entry = SaveEntry {
                kind,
                key: key.to_owned(),
                name: key.to_owned(),
                name_zh: None,
                archived: false,
                team_key: None,
                confidential: false,
            };
            entry.run(tx).await?;
        }
        self.entries.insert((kind, key.to_owned()));
        Ok(())
    }

    async fn team(&mut self, tx: &mut Tx, key: &str) -> Result<()> {
        if self.ids.teams.contains_key(key) {
            return Ok(());
        }
        let id = match catalogue::queries::team_by_key(tx.conn(), key).await? {
            Some(team) => team.id,
            None if self.create.teams => {
                let name = key.to_owned();
                SaveTeam { key: name.clone(), name, name_zh: None, confidential: false, archived: false }
                    .run(tx)
                    .await?
            }
            None => return Err(rejected(msg!("import-team-missing", key = key))),
        };
        self.ids.teams.insert(key.to_owned(), id);
        Ok(())
    }

    async fn customer(&mut self, tx: &mut Tx, key: &str) -> Result<()> {
        if self.ids.customers.contains_key(key) {
            return Ok(());
        }
        let id = match people::queries::customer_by_key(tx.conn(), key).await? {
            Some(customer) => customer.id,
            None if self.create.customers => {
                SaveCustomer { key: key.to_owned(), name: key.to_owned(), region: None, archived: false }
                    .run(tx)
                    .await?
            }
            None => return Err(rejected(msg!("import-customer-missing", key = key))),
        };
        self.ids.customers.insert(key.to_owned(), id);
        Ok(())
    }

    /// Finds a user by e-mail address; any other name becomes a disabled account if the map allows it.
    async fn person(&mut self, tx: &mut Tx, name: &str) -> Result<()> {
        if self.ids.people.contains_key(name) {
            return Ok(());
        }
        let email = if name.contains('@') {
            name.to_lowercase()
        } else {
            // Deterministic, so that the next import finds the same account.
            format!("{}@{}.import.invalid", hex::encode(&Sha256::digest(name)[..8]), self.source)
        };
        let id = match people::queries::user_by_email(tx.conn(), &email).await? {
            Some(user) => user.id,
            None if self.create.people => {
                let user = CreateUser {
                    email,
                    name: name.to_owned(),
                    roles: vec![Role::Agent],
                    team_keys: Vec::new(),
                    skills: Vec::new(),
                    products: Vec::new(),
                    customer_key: None,
                    supervisor: None,
                    password_hash: None,
                };
                let id = user.run(tx).await?;
                UpdateUser { user: Some(id), disabled: Some(true), ..UpdateUser::default() }.run(tx).await?;
                id
            }
            None => return Err(rejected(msg!("import-person-missing", name = name))),
        };
        self.ids.people.insert(name.to_owned(), id);
        Ok(())
    }
}

pub(super) fn rejected(reason: Message) -> Error {
    refuse(Code::Invalid, "row", reason).into()
}
