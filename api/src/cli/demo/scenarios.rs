//! What the demo is made of: `api/demo/scenarios.toml`, as it is read, and its catalogue and people as they are saved.

use std::collections::HashMap;
use std::sync::Arc;

use domain::auth::commands::hash_password;
use domain::catalogue::model::{Kind, SaveEntry, SaveTeam};
use domain::kernel::{Actor, Role};
use domain::people::model::{CreateUser, SaveCustomer};
use domain::people::queries::person;
use domain::runtime::{App, Ctx};
use domain::tickets::model::{FaultType, RootCauseLevel};
use serde::Deserialize;

use super::{PASSWORD, address};
use crate::node::CannotStart;

const TEXT: &str = include_str!("../../../demo/scenarios.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenarios {
    teams: Vec<Named>,
    skills: Vec<Named>,
    issue_types: Vec<Named>,
    products: Vec<Named>,
    solution_tags: Vec<Named>,
    cause_tags: Vec<Named>,
    customers: Vec<Customer>,
    people: Vec<Someone>,
    pub scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    key: String,
    name: String,
    name_zh: String,
    team: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Customer {
    key: String,
    name: String,
    region: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Someone {
    pub login: String,
    name: String,
    pub roles: Vec<Role>,
    #[serde(default)]
    pub teams: Vec<String>,
    #[serde(default)]
    skills: Vec<String>,
    #[serde(default)]
    products: Vec<String>,
    pub customer: Option<String>,
}

/// One thing that goes wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    pub issue_type: String,
    pub product: Option<String>,
    pub fault: FaultType,
    pub level: RootCauseLevel,
    pub cause: Option<String>,
    pub tags: Vec<String>,
    /// Of ten such tickets, how many are urgent or high.
    pub urgent: u64,
    pub titles: Vec<String>,
    pub descriptions: Vec<String>,
    pub resolutions: Vec<String>,
    /// What the engineer asks, and what the requester answers.
    pub questions: Vec<String>,
    pub answers: Vec<String>,
}

impl Scenarios {
    pub fn read() -> Result<Self, CannotStart> {
        toml::from_str(TEXT).map_err(|e| CannotStart(format!("the demo's scenarios: {e}")))
    }

    /// Those with a role, by login.
    pub fn with(&self, role: Role) -> Vec<&Someone> {
        self.people.iter().filter(|someone| someone.roles.contains(&role)).collect()
    }

    /// The team whose queue an issue type goes to.
    pub fn team_of(&self, issue_type: &str) -> Option<&str> {
        self.issue_types.iter().find(|named| named.key == issue_type)?.team.as_deref()
    }

    /// Saves catalogue and people; whoever acts in the story, by login.
    pub async fn furnish(&self, app: &Arc<App>) -> Result<HashMap<String, Actor>, CannotStart> {
        let cx = Ctx::system(app);
        for Named { key, name, name_zh, team: _ } in &self.teams {
            let team = SaveTeam {
                key: key.clone(),
                name: name.clone(),
                name_zh: Some(name_zh.clone()),
                confidential: false,
                archived: false,
            };
            cx.execute(&team, None).await?;
        }
        for (kind, entries) in [
            (Kind::Skill, &self.skills),
            (Kind::IssueType, &self.issue_types),
            (Kind::Product, &self.products),
            (Kind::SolutionTag, &self.solution_tags),
            (Kind::CauseTag, &self.cause_tags),
        ] {
            for Named { key, name, name_zh, team } in entries {
                let entry = SaveEntry {
                    kind,
                    key: key.clone(),
                    name: name.clone(),
                    name_zh: Some(name_zh.clone()),
                    archived: false,
                    team_key: team.clone(),
                    confidential: false,
                };
                cx.execute(&entry, None).await?;
            }
        }
        for Customer { key, name, region } in &self.customers {
            let customer =
                SaveCustomer { key: key.clone(), name: name.clone(), region: Some(region.clone()), archived: false };
            cx.execute(&customer, None).await?;
        }
        self.hire(app, &cx).await
    }

    async fn hire(&self, app: &Arc<App>, cx: &Ctx) -> Result<HashMap<String, Actor>, CannotStart> {
        let mut actors = HashMap::new();
        let mut supervisor = None;
        for Someone { login, name, roles, teams, skills, products, customer } in &self.people {
            let command = CreateUser {
                email: address(login),
                name: name.clone(),
                roles: roles.clone(),
                team_keys: teams.clone(),
                skills: skills.clone(),
                products: products.clone(),
                customer_key: customer.clone(),
                supervisor: supervisor.filter(|_| roles.contains(&Role::Agent)),
                password_hash: Some(hash_password(cx, PASSWORD).await?),
            };
            let id = cx.execute(&command, None).await?;
            if roles.contains(&Role::Supervisor) {
                supervisor = Some(id);
            }
            let someone = person(app, id).await?.ok_or_else(|| CannotStart(format!("{login} cannot act")))?;
            actors.insert(login.clone(), Actor::Person(Arc::new(someone)));
        }
        Ok(actors)
    }
}
