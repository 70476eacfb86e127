//! The catalogue: reading it whole, and the administrators' mutations.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use domain::catalogue::model::{Entry, Kind, SaveEntry, SaveTeam};
use domain::catalogue::queries;
use domain::kernel::{CustomerId, TeamId};
use domain::people::model::SaveCustomer;

use super::Caller;
use super::error::{OrTopLevel as _, UserError, settle};
use super::loaders::{Loaders, OwnerOf};
use super::nodes::{CustomerNode, TeamNode, UserNode, user};

/// The words of the house: keys that tickets name.
#[derive(Default)]
pub struct Catalogue;

#[Object]
impl Catalogue {
    /// Departments.
    async fn teams(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<TeamNode>> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let teams = queries::all_teams(cx.read()).await.or_top_level(ctx)?;
        Ok(teams.into_iter().filter(|team| !team.archived).map(TeamNode).collect())
    }

    /// What tickets are about.
    async fn issue_types(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<IssueType>> {
        Ok(of_kind(ctx, Kind::IssueType).await?.into_iter().map(IssueType).collect())
    }

    /// What is sold and served.
    async fn products(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Product>> {
        Ok(of_kind(ctx, Kind::Product).await?.into_iter().map(Product).collect())
    }

    /// What people can do.
    async fn skills(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CatalogueEntry>> {
        Ok(of_kind(ctx, Kind::Skill).await?.into_iter().map(|entry| CatalogueEntry::of(ctx, entry)).collect())
    }

    /// How tickets are solved.
    async fn solution_tags(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CatalogueEntry>> {
        Ok(of_kind(ctx, Kind::SolutionTag).await?.into_iter().map(|entry| CatalogueEntry::of(ctx, entry)).collect())
    }

    /// What tickets come from.
    async fn cause_tags(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CatalogueEntry>> {
        Ok(of_kind(ctx, Kind::CauseTag).await?.into_iter().map(|entry| CatalogueEntry::of(ctx, entry)).collect())
    }
}

/// The entries of one kind.
pub async fn of_kind(ctx: &Context<'_>, kind: Kind) -> async_graphql::Result<Vec<Entry>> {
    let app = &ctx.data_unchecked::<Caller>().cx.app;
    let known = domain::catalogue::queries::everything(app).await.or_top_level(ctx)?;
    Ok(known.entries.iter().filter(|entry| entry.kind == kind).cloned().collect())
}

/// A word of the catalogue.
#[derive(SimpleObject)]
pub struct CatalogueEntry {
    /// The key that tickets name.
    key: String,
    /// The name, in the language of the request.
    name: String,
    /// No longer given to new tickets.
    archived: bool,
}

impl CatalogueEntry {
    fn of(ctx: &Context<'_>, entry: Entry) -> Self {
        let name = ctx.data_unchecked::<Caller>().language.name(&entry.name, entry.name_zh.as_deref()).to_owned();
        Self { key: entry.key, name, archived: entry.archived }
    }
}

/// What a ticket is about.
pub struct IssueType(Entry);

#[Object]
impl IssueType {
    /// The key that tickets name.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// The name, in the language of the request.
    async fn name(&self, ctx: &Context<'_>) -> &str {
        ctx.data_unchecked::<Caller>().language.name(&self.0.name, self.0.name_zh.as_deref())
    }

    /// No longer given to new tickets.
    async fn archived(&self) -> bool {
        self.0.archived
    }

    /// The team whose queue its tickets go to.
    async fn team(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TeamNode>> {
        let Some(id) = self.0.team else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one::<TeamId>(id).await.or_top_level(ctx)?.map(TeamNode))
    }

    /// Whether its tickets are kept from others even as cases.
    async fn confidential(&self) -> bool {
        self.0.confidential
    }
}

/// What is sold and served.
pub struct Product(Entry);

#[Object]
impl Product {
    /// The key that tickets name.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// The name, in the language of the request.
    async fn name(&self, ctx: &Context<'_>) -> &str {
        ctx.data_unchecked::<Caller>().language.name(&self.0.name, self.0.name_zh.as_deref())
    }

    /// No longer given to new tickets.
    async fn archived(&self) -> bool {
        self.0.archived
    }

    /// Who answers for it.
    async fn owner(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        let owner = ctx.data_unchecked::<Loaders>().one(OwnerOf(self.0.key.clone())).await.or_top_level(ctx)?;
        user(ctx, owner).await
    }
}

macro_rules! save_entry_input {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(InputObject)]
        pub struct $name {
            /// The key that tickets name; saving an existing key changes its entry.
            pub key: String,
            /// The English name, and the one shown where there is no other.
            pub name: String,
            /// The Chinese name.
            pub name_zh: Option<String>,
            /// No longer given to new tickets; old tickets keep it.
            #[graphql(default)]
            pub archived: bool,
            $($(#[$field_doc])* pub $field: $type,)*
            /// The same key and input give the same answer for 24 h.
            pub idempotency_key: Option<String>,
        }
    };
}

save_entry_input! {
    /// An issue type to be saved.
    SaveIssueTypeInput {
        /// Key of the team whose queue its tickets go to.
        team_key: Option<String>,
        /// Its tickets are kept from others even as cases.
        #[graphql(default)]
        confidential: bool,
    }
}

save_entry_input! {
    /// A product to be saved.
    SaveProductInput {}
}

save_entry_input! {
    /// A solution tag to be saved.
    SaveSolutionTagInput {}
}

save_entry_input! {
    /// A cause tag to be saved.
    SaveCauseTagInput {}
}

save_entry_input! {
    /// A skill to be saved.
    SaveSkillInput {}
}

save_entry_input! {
    /// A team to be saved.
    SaveTeamInput {
        /// Its tickets are kept from others even as cases.
        #[graphql(default)]
        confidential: bool,
    }
}

/// A customer organisation to be saved.
#[derive(InputObject)]
pub struct SaveCustomerInput {
    /// The key that tickets name; saving an existing key changes its entry.
    pub key: String,
    /// The organisation's name.
    pub name: String,
    /// The region it is served from.
    pub region: Option<String>,
    /// No longer given to new tickets.
    #[graphql(default)]
    pub archived: bool,
    /// The same key and input give the same answer for 24 h.
    pub idempotency_key: Option<String>,
}

macro_rules! entry_payload {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// The key that was saved.
            key: Option<String>,
            /// Why nothing was saved; empty where it was.
            user_errors: Vec<UserError>,
        }
    )*};
}

entry_payload! {
    /// What saving an issue type came to.
    SaveIssueTypePayload,
    /// What saving a product came to.
    SaveProductPayload,
    /// What saving a solution tag came to.
    SaveSolutionTagPayload,
    /// What saving a cause tag came to.
    SaveCauseTagPayload,
    /// What saving a skill came to.
    SaveSkillPayload,
}

/// What saving a team came to.
#[derive(SimpleObject)]
pub struct SaveTeamPayload {
    /// The team that was saved.
    team: Option<TeamNode>,
    /// Why nothing was saved; empty where it was.
    user_errors: Vec<UserError>,
}

/// What saving a customer came to.
#[derive(SimpleObject)]
pub struct SaveCustomerPayload {
    /// The customer that was saved.
    customer: Option<CustomerNode>,
    /// Why nothing was saved; empty where it was.
    user_errors: Vec<UserError>,
}

/// Mutations of the catalogue; for administrators.
#[derive(Default)]
pub struct CatalogueMutation;

macro_rules! save_entry {
    ($ctx:ident, $payload:ident, $kind:expr, $input:ident, $team_key:expr, $confidential:expr) => {{
        let once = $input.idempotency_key.clone();
        let command = SaveEntry {
            kind: $kind,
            key: $input.key,
            name: $input.name,
            name_zh: $input.name_zh,
            archived: $input.archived,
            team_key: $team_key,
            confidential: $confidential,
        };
        let cx = &$ctx.data_unchecked::<Caller>().cx;
        let (key, user_errors) = settle($ctx, cx.execute(&command, once.as_deref()).await)?;
        Ok($payload { key, user_errors })
    }};
}

#[Object]
impl CatalogueMutation {
    /// Saves an issue type.
    async fn save_issue_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to save.")] input: SaveIssueTypeInput,
    ) -> async_graphql::Result<SaveIssueTypePayload> {
        let (team, confidential) = (input.team_key.clone(), input.confidential);
        save_entry!(ctx, SaveIssueTypePayload, Kind::IssueType, input, team, confidential)
    }

    /// Saves a product.
    async fn save_product(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to save.")] input: SaveProductInput,
    ) -> async_graphql::Result<SaveProductPayload> {
        save_entry!(ctx, SaveProductPayload, Kind::Product, input, None, false)
    }

    /// Saves a solution tag.
    async fn save_solution_tag(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to save.")] input: SaveSolutionTagInput,
    ) -> async_graphql::Result<SaveSolutionTagPayload> {
        save_entry!(ctx, SaveSolutionTagPayload, Kind::SolutionTag, input, None, false)
    }

    /// Saves a cause tag.
    async fn save_cause_tag(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to save.")] input: SaveCauseTagInput,
    ) -> async_graphql::Result<SaveCauseTagPayload> {
        save_entry!(ctx, SaveCauseTagPayload, Kind::CauseTag, input, None, false)
    }

    /// Saves a skill.
    async fn save_skill(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to save.")] input: SaveSkillInput,
    ) -> async_graphql::Result<SaveSkillPayload> {
        save_entry!(ctx, SaveSkillPayload, Kind::Skill, input, None, false)
    }

    /// Saves a team.
    async fn save_team(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to save.")] input: SaveTeamInput,
    ) -> async_graphql::Result<SaveTeamPayload> {
        let SaveTeamInput { key, name, name_zh, archived, confidential, idempotency_key } = input;
        let command = SaveTeam { key, name, name_zh, confidential, archived };
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let (id, user_errors) = settle(ctx, cx.execute(&command, idempotency_key.as_deref()).await)?;
        let team = match id {
            Some(id) => ctx.data_unchecked::<Loaders>().one::<TeamId>(id).await.or_top_level(ctx)?.map(TeamNode),
            None => None,
        };
        Ok(SaveTeamPayload { team, user_errors })
    }

    /// Saves a customer organisation.
    async fn save_customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to save.")] input: SaveCustomerInput,
    ) -> async_graphql::Result<SaveCustomerPayload> {
        let SaveCustomerInput { key, name, region, archived, idempotency_key } = input;
        let command = SaveCustomer { key, name, region, archived };
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let (id, user_errors) = settle(ctx, cx.execute(&command, idempotency_key.as_deref()).await)?;
        let customer = match id {
            Some(id) => {
                ctx.data_unchecked::<Loaders>().one::<CustomerId>(id).await.or_top_level(ctx)?.map(CustomerNode)
            }
            None => None,
        };
        Ok(SaveCustomerPayload { customer, user_errors })
    }
}
