//! The catalogue: queries, and mutations for administrators.

use async_graphql::{Context, MergedObject, Object, SimpleObject};
use domain::catalogue::model::{Entry, Kind, SaveEntry, SaveTeam};
use domain::catalogue::queries;
use domain::kernel::{CustomerId, TeamId};
use domain::people::model::SaveCustomer;

use super::error::OrTopLevel as _;
use super::execute::mutations;
use super::guard::{cx, language};
use super::loaders::{Loaders, OwnerOf};
use super::people::{CustomerNode, TeamNode, UserNode, user};
use super::skills::SkillLevel;

/// The catalogue.
#[derive(Default)]
pub struct Catalogue;

/// The organisation's catalogue: the keys that tickets refer to.
#[Object]
impl Catalogue {
    /// Teams (departments) that are not archived.
    async fn teams(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<TeamNode>> {
        let cx = cx(ctx);
        let teams = queries::all_teams(cx.read()).await.or_top_level(ctx)?;
        Ok(teams.into_iter().filter(|team| !team.archived).map(TeamNode).collect())
    }

    /// Issue types of tickets.
    async fn issue_types(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<IssueType>> {
        Ok(entries_of_kind(ctx, Kind::IssueType).await?.into_iter().map(IssueType).collect())
    }

    /// Products.
    async fn products(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Product>> {
        Ok(entries_of_kind(ctx, Kind::Product).await?.into_iter().map(Product).collect())
    }

    /// Skills of people.
    async fn skills(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CatalogueEntry>> {
        labels(ctx, Kind::Skill).await
    }

    /// Tags for the solution of a ticket.
    async fn solution_tags(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CatalogueEntry>> {
        labels(ctx, Kind::SolutionTag).await
    }

    /// Tags for the cause of a ticket.
    async fn cause_tags(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CatalogueEntry>> {
        labels(ctx, Kind::CauseTag).await
    }
}

/// The entries of a kind of which clients see key and name only.
async fn labels(ctx: &Context<'_>, kind: Kind) -> async_graphql::Result<Vec<CatalogueEntry>> {
    Ok(entries_of_kind(ctx, kind).await?.into_iter().map(|entry| CatalogueEntry::of(ctx, entry)).collect())
}

/// The entries of one kind.
pub async fn entries_of_kind(ctx: &Context<'_>, kind: Kind) -> async_graphql::Result<Vec<Entry>> {
    let app = &cx(ctx).app;
    let known = domain::catalogue::queries::cached(app).await.or_top_level(ctx)?;
    Ok(known.entries.iter().filter(|entry| entry.kind == kind).cloned().collect())
}

/// An entry of the catalogue: a skill, a cause tag or a solution tag.
#[derive(SimpleObject)]
pub struct CatalogueEntry {
    /// The key that tickets refer to.
    key: String,
    /// The name, in the language of the request.
    name: String,
    /// Whether it is archived: no longer offered for new tickets.
    archived: bool,
}

impl CatalogueEntry {
    fn of(ctx: &Context<'_>, entry: Entry) -> Self {
        let name = language(ctx).name(&entry.name, entry.name_zh.as_deref()).to_owned();
        Self { key: entry.key, name, archived: entry.archived }
    }
}

/// An issue type.
pub struct IssueType(Entry);

/// An issue type in the catalogue; it decides the team of a new ticket.
#[Object]
impl IssueType {
    /// The key that tickets refer to.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// The name, in the language of the request.
    async fn name(&self, ctx: &Context<'_>) -> &str {
        language(ctx).name(&self.0.name, self.0.name_zh.as_deref())
    }

    /// Whether it is archived: no longer offered for new tickets.
    async fn archived(&self) -> bool {
        self.0.archived
    }

    /// The team whose queue its tickets go to; null if none.
    async fn team(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TeamNode>> {
        team(ctx, self.0.team).await
    }

    /// Whether its tickets are confidential: never shown as cases outside the people who may read them in full.
    async fn confidential(&self) -> bool {
        self.0.confidential
    }

    /// The skills that its tickets require, each with the lowest level that will do.
    async fn required_skills(&self) -> Vec<SkillLevel> {
        required_skills(&self.0)
    }
}

/// A product.
pub struct Product(Entry);

/// A product in the catalogue.
#[Object]
impl Product {
    /// The key that tickets refer to.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// The name, in the language of the request.
    async fn name(&self, ctx: &Context<'_>) -> &str {
        language(ctx).name(&self.0.name, self.0.name_zh.as_deref())
    }

    /// Whether it is archived: no longer offered for new tickets.
    async fn archived(&self) -> bool {
        self.0.archived
    }

    /// The person responsible for the product; null if there is none.
    async fn owner(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        let owner = ctx.data_unchecked::<Loaders>().load(OwnerOf(self.0.key.clone())).await.or_top_level(ctx)?;
        user(ctx, owner).await
    }

    /// The team whose queue its tickets go to if their issue type names none; null if none.
    async fn team(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TeamNode>> {
        team(ctx, self.0.team).await
    }

    /// The skills that its tickets require, each with the lowest level that will do.
    async fn required_skills(&self) -> Vec<SkillLevel> {
        required_skills(&self.0)
    }

    /// Models, beginnings of part numbers and other names by which the text of a ticket means this product. Its key and its
    /// names count as well.
    async fn aliases(&self) -> &[String] {
        &self.0.aliases
    }
}

fn required_skills(entry: &Entry) -> Vec<SkillLevel> {
    entry.required_skills.iter().cloned().map(Into::into).collect()
}

/// Mutations of the catalogue; for administrators.
#[derive(MergedObject, Default)]
pub struct CatalogueMutation(EntryMutation, CustomerMutation);

mutations! {
    /// Mutations of what tickets refer to, and of teams; for administrators.
    pub struct EntryMutation;

    input {
        /// The key that tickets refer to; saving an existing key changes that entry.
        key: String,
        /// The English name; also shown where there is no Chinese name.
        name: String,
        /// The Chinese name.
        name_zh: Option<String>,
        /// Whether it is archived: no longer offered for new tickets; existing tickets keep it.
        #[graphql(default)]
        archived: bool,
    }

    /// Saves an issue type in the catalogue; for administrators.
    save_issue_type("The issue type.")
    /// An issue type to save.
    SaveIssueTypeInput {
        /// Key of the team whose queue its tickets go to.
        team_key: Option<String>,
        /// Whether its tickets are confidential: never shown as cases outside the people who may read them in full.
        #[graphql(default)]
        confidential: bool,
        /// All skills that its tickets require, each with the lowest level that will do, at most 20; by default unchanged.
        required_skills: Option<Vec<SkillLevel>>,
    } => SaveEntry {
        team_key,
        confidential,
        required_skills: levels(required_skills),
        ..entry(Kind::IssueType, key, name, name_zh, archived)
    } => SaveIssueTypePayload {
        /// The saved key; null if the mutation was refused.
        key: Option<String>,
    }

    /// Saves a product in the catalogue; for administrators.
    save_product("The product.")
    /// A product to save.
    SaveProductInput {
        /// Key of the team whose queue its tickets go to if their issue type names none; empty: none; by default unchanged.
        team_key: Option<String>,
        /// All skills that its tickets require, each with the lowest level that will do, at most 20; by default unchanged.
        required_skills: Option<Vec<SkillLevel>>,
        /// Models, beginnings of part numbers and other names by which the text of a ticket means this product, at most 50 of at
        /// most 64 characters; by default unchanged.
        aliases: Option<Vec<String>>,
    } => SaveEntry {
        team_key,
        required_skills: levels(required_skills),
        aliases,
        ..entry(Kind::Product, key, name, name_zh, archived)
    } => SaveProductPayload {
        /// The saved key; null if the mutation was refused.
        key: Option<String>,
    }

    /// Saves a solution tag in the catalogue; for administrators.
    save_solution_tag("The solution tag.")
    /// A solution tag to save.
    SaveSolutionTagInput {} => entry(Kind::SolutionTag, key, name, name_zh, archived) => SaveSolutionTagPayload {
        /// The saved key; null if the mutation was refused.
        key: Option<String>,
    }

    /// Saves a cause tag in the catalogue; for administrators.
    save_cause_tag("The cause tag.")
    /// A cause tag to save.
    SaveCauseTagInput {} => entry(Kind::CauseTag, key, name, name_zh, archived) => SaveCauseTagPayload {
        /// The saved key; null if the mutation was refused.
        key: Option<String>,
    }

    /// Saves a skill in the catalogue; for administrators.
    save_skill("The skill.")
    /// A skill to save.
    SaveSkillInput {} => entry(Kind::Skill, key, name, name_zh, archived) => SaveSkillPayload {
        /// The saved key; null if the mutation was refused.
        key: Option<String>,
    }

    /// Saves a team; for administrators.
    save_team("The team.")
    /// A team to save.
    SaveTeamInput {
        /// Whether its tickets are confidential: never shown as cases outside the people who may read them in full.
        #[graphql(default)]
        confidential: bool,
    } => SaveTeam { key, name, name_zh, confidential, archived } => SaveTeamPayload {
        /// The team after the mutation; null if it was refused.
        team: Option<TeamNode> = team,
    }
}

mutations! {
    /// Mutations of customers; for administrators.
    pub struct CustomerMutation;

    /// Saves a customer organisation; for administrators.
    save_customer("The customer.")
    /// A customer organisation to save.
    SaveCustomerInput {
        /// The key that tickets refer to; saving an existing key changes that entry.
        key: String,
        /// The organisation's name.
        name: String,
        /// The region that serves it.
        region: Option<String>,
        /// Whether it is archived: no longer offered for new tickets.
        #[graphql(default)]
        archived: bool,
    } => SaveCustomer { key, name, region, archived } => SaveCustomerPayload {
        /// The customer after the mutation; null if it was refused.
        customer: Option<CustomerNode> = customer,
    }
}

/// An entry with key and names only.
fn entry(kind: Kind, key: String, name: String, name_zh: Option<String>, archived: bool) -> SaveEntry {
    SaveEntry {
        kind,
        key,
        name,
        name_zh,
        archived,
        team_key: None,
        confidential: false,
        required_skills: None,
        aliases: None,
    }
}

fn levels(given: Option<Vec<SkillLevel>>) -> Option<Vec<domain::catalogue::model::SkillLevel>> {
    given.map(|levels| levels.into_iter().map(Into::into).collect())
}

async fn team(ctx: &Context<'_>, id: Option<TeamId>) -> async_graphql::Result<Option<TeamNode>> {
    let Some(id) = id else { return Ok(None) };
    Ok(ctx.data_unchecked::<Loaders>().load(id).await.or_top_level(ctx)?.map(TeamNode))
}

async fn customer(ctx: &Context<'_>, id: Option<CustomerId>) -> async_graphql::Result<Option<CustomerNode>> {
    let Some(id) = id else { return Ok(None) };
    Ok(ctx.data_unchecked::<Loaders>().load(id).await.or_top_level(ctx)?.map(CustomerNode))
}
