//! Resolves the keys and names in rows to ids; creates missing master data if the map allows it.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::super::decide::attribution::SourceSolution;
use super::super::decide::details::{authors, email_in};
use super::super::decide::history::Ids;
use super::super::model::{Create, ImportMap, Row};
use crate::catalogue::model::{Kind, SaveEntry, SaveTeam};
use crate::kernel::{Code, Error, Message, Result, Role, UserId, boxed, refuse};
use crate::msg;
use crate::people::model::{CreateUser, SaveCustomer, UpdateUser};
use crate::runtime::{Command as _, Tx};
use crate::{catalogue, people};

pub struct ReferenceResolver {
    source: String,
    create: Create,
    entries: HashSet<(Kind, String)>,
    /// Without an account: their tickets and comments name them in their text.
    unknown_requesters: HashSet<String>,
    unknown_authors: HashSet<String>,
    pub ids: Ids,
}

impl ReferenceResolver {
    pub fn new(map: &ImportMap) -> Self {
        let (source, create) = (map.source.to_lowercase(), map.create);
        let (unknown_requesters, unknown_authors) = (HashSet::new(), HashSet::new());
        Self { source, create, entries: HashSet::new(), unknown_requesters, unknown_authors, ids: Ids::default() }
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
            if let Some(name) = &row.requester {
                self.requester(tx, name).await?;
            }
            // The operator is only for the audit trail, so it may be unknown.
            if let Some(name) = row.operator.as_ref().filter(|_| create.people) {
                self.person(tx, name).await?;
            }
        }
        self.authors(tx, rows).await
    }

    /// Finds a requester by their e-mail address.
    async fn requester(&mut self, tx: &Tx, name: &str) -> Result<()> {
        if self.unknown_requesters.contains(name) || self.ids.requesters.contains_key(name) {
            return Ok(());
        }
        let found = match email_in(name) {
            Some(email) => people::queries::user_by_email(tx.conn(), &email).await?,
            None => None,
        };
        match found {
            Some(user) => {
                self.ids.requesters.insert(name.to_owned(), user.id);
            }
            None => {
                self.unknown_requesters.insert(name.to_owned());
            }
        }
        Ok(())
    }

    /// Finds the authors of comments: by their e-mail address, or by the name of the account that an import made for them.
    async fn authors(&mut self, tx: &mut Tx, rows: &[Row]) -> Result<()> {
        for name in authors(rows) {
            if self.unknown_authors.contains(name) || self.ids.authors.contains_key(name) {
                continue;
            }
            let email = email_in(name).unwrap_or_else(|| self.import_email(name));
            match people::queries::user_by_email(tx.conn(), &email).await? {
                Some(user) => {
                    self.ids.authors.insert(name.clone(), user.id);
                }
                None => {
                    self.unknown_authors.insert(name.clone());
                }
            }
        }
        let is_known =
            |author: &Option<String>| author.as_ref().is_some_and(|name| self.ids.authors.contains_key(name));
        let mut comments = rows.iter().flat_map(|row| &row.comments);
        if self.ids.source_account.is_none() && comments.any(|comment| !is_known(&comment.author)) {
            let (email, name) = (format!("import@{}.import.invalid", self.source), self.source.to_uppercase());
            let found = people::queries::user_by_email(tx.conn(), &email).await?.map(|user| user.id);
            self.ids.source_account = match found {
                None => Some(create_disabled(tx, email, name).await?),
                found => found,
            };
        }
        Ok(())
    }

    /// Deterministic, so that the next import finds the same account.
    fn import_email(&self, name: &str) -> String {
        format!("{}@{}.import.invalid", hex::encode(&Sha256::digest(name)[..8]), self.source)
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
                required_skills: None,
                aliases: None,
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
        let email = if name.contains('@') { name.to_lowercase() } else { self.import_email(name) };
        let id = match people::queries::user_by_email(tx.conn(), &email).await? {
            Some(user) => user.id,
            None if self.create.people => create_disabled(tx, email, name.to_owned()).await?,
            None => return Err(rejected(msg!("import-person-missing", name = name))),
        };
        self.ids.people.insert(name.to_owned(), id);
        Ok(())
    }
}

/// An account that owns its history and cannot sign in.
async fn create_disabled(tx: &mut Tx, email: String, name: String) -> Result<UserId> {
    let user = CreateUser {
        email,
        name,
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
    Ok(id)
}

pub(super) fn rejected(reason: Message) -> Error {
    refuse(Code::Invalid, "row", reason).into()
}
