//! The demo's input `api/server/demo/scenarios.toml`, and the creation of its catalogue and users.

use std::collections::HashMap;
use std::sync::Arc;

use domain::auth::commands::hash_password;
use domain::catalogue::model::{Kind, SaveEntry, SaveTeam, SkillLevel};
use domain::kernel::{Actor, Role};
use domain::people::model::{CreateUser, SaveCustomer};
use domain::people::queries::person;
use domain::runtime::{App, Ctx};
use domain::tickets::model::{FaultType, RootCauseLevel};
use serde::Deserialize;

use super::{PASSWORD, address};
use crate::node::StartupError;

const TEXT: &str = include_str!("../../../demo/scenarios.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenarios {
    teams: Vec<CatalogueEntry>,
    skills: Vec<CatalogueEntry>,
    issue_types: Vec<CatalogueEntry>,
    products: Vec<CatalogueEntry>,
    solution_tags: Vec<CatalogueEntry>,
    cause_tags: Vec<CatalogueEntry>,
    customers: Vec<Customer>,
    people: Vec<Person>,
    pub scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueEntry {
    key: String,
    name: String,
    name_zh: String,
    team: Option<String>,
    /// Of issue types and products.
    #[serde(default)]
    required_skills: Vec<SkillLevel>,
    /// Of products.
    #[serde(default)]
    aliases: Vec<String>,
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
pub(super) struct Person {
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

/// One kind of problem.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    pub issue_type: String,
    pub product: Option<String>,
    pub fault: FaultType,
    pub level: RootCauseLevel,
    pub cause: Option<String>,
    pub tags: Vec<String>,
    /// How many of ten such tickets are urgent or high.
    pub urgent: u64,
    pub titles: Vec<String>,
    pub descriptions: Vec<String>,
    pub resolutions: Vec<String>,
    /// Questions of the agent and answers of the requester.
    pub questions: Vec<String>,
    pub answers: Vec<String>,
}

impl Scenarios {
    pub fn read() -> Result<Self, StartupError> {
        toml::from_str(TEXT).map_err(|e| StartupError(format!("the demo's scenarios: {e}")))
    }

    /// People with a role.
    pub fn people_with_role(&self, role: Role) -> Vec<&Person> {
        self.people.iter().filter(|person| person.roles.contains(&role)).collect()
    }

    /// The team that gets tickets of an issue type.
    pub fn team_of(&self, issue_type: &str) -> Option<&str> {
        self.issue_types.iter().find(|entry| entry.key == issue_type)?.team.as_deref()
    }

    /// Creates catalogue, customers and users; returns the actors by login.
    pub async fn create_master_data(&self, app: &Arc<App>) -> Result<HashMap<String, Actor>, StartupError> {
        let cx = Ctx::system(app);
        for CatalogueEntry { key, name, name_zh, .. } in &self.teams {
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
            for CatalogueEntry { key, name, name_zh, team, required_skills, aliases } in entries {
                let entry = SaveEntry {
                    kind,
                    key: key.clone(),
                    name: name.clone(),
                    name_zh: Some(name_zh.clone()),
                    archived: false,
                    team_key: team.clone(),
                    confidential: false,
                    required_skills: Some(required_skills.clone()),
                    aliases: Some(aliases.clone()),
                };
                cx.execute(&entry, None).await?;
            }
        }
        for Customer { key, name, region } in &self.customers {
            let customer =
                SaveCustomer { key: key.clone(), name: name.clone(), region: Some(region.clone()), archived: false };
            cx.execute(&customer, None).await?;
        }
        self.create_users(app, &cx).await
    }

    async fn create_users(&self, app: &Arc<App>, cx: &Ctx) -> Result<HashMap<String, Actor>, StartupError> {
        let mut actors = HashMap::new();
        let mut supervisor = None;
        for Person { login, name, roles, teams, skills, products, customer } in &self.people {
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
            let person = person(app, id).await?.ok_or_else(|| StartupError(format!("{login} cannot act")))?;
            actors.insert(login.clone(), Actor::Person(Arc::new(person)));
        }
        Ok(actors)
    }
}
