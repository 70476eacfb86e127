//! The queries.

use async_graphql::{Context, ID, Interface, MergedObject, Object, SimpleObject, Value};
use domain::kernel::{
    CardId, CommentId, Connection, CustomerId, Error, NotificationId, Page, TeamId, TicketId, UserId, text,
};
use domain::people;
use domain::recommend::model::Question;
use domain::runtime::log;
use domain::tickets;
use domain::tickets::model::{Access, Ticket, View};
use domain::tickets::queries::{Ordering, TicketKey};
use graphql_macros::paged;
use uuid::Uuid;

use super::about::{About as Installation, DemoAccounts};
use super::availability::AvailabilityQuery;
use super::calendar::CalendarQuery;
use super::catalogue::Catalogue;
use super::contact_methods::ContactMethodQuery;
use super::error::OrTopLevel as _;
use super::escalation::EscalationQuery;
use super::guard::{cx, signed_in};
use super::heatmap::HeatmapQuery;
use super::hub::HubQuery;
use super::inputs::{SimilarCasesInput, TicketFilter, TicketOrder, argument};
use super::intake::IntakeQuery;
use super::knowledge::{CardNode, KnowledgeQuery};
use super::links::LinkQuery;
use super::loaders::{CommentsOf, Loaders};
use super::metrics::{METRICS_COST, MetricFilter, Period, ServiceMetrics, selection};
use super::notifications::{NotificationNode, NotificationQuery, visible};
use super::paging::{PageArgs, Relay, relay, rows};
use super::people::{CustomerNode, TeamNode, UserNode, user};
use super::reports::ReportQuery;
use super::satisfaction::SatisfactionQuery;
use super::scalars::DateTime;
use super::sla::SlaQuery;
use super::ticket::{CommentNode, SIMILAR_CASES, SIMILAR_CASES_COST, SimilarCase, TicketNode, similar};
use domain::msg;

/// All queries.
#[derive(MergedObject, Default)]
pub struct Query(
    TicketQuery,
    CalendarQuery,
    AvailabilityQuery,
    SlaQuery,
    NotificationQuery,
    ContactMethodQuery,
    EscalationQuery,
    HeatmapQuery,
    HubQuery,
    IntakeQuery,
    KnowledgeQuery,
    SatisfactionQuery,
    LinkQuery,
    ReportQuery,
);

/// An object with a globally unique id.
#[derive(Interface)]
#[graphql(name = "Node", field(name = "id", ty = "ID", desc = "Globally unique, opaque id."))]
#[expect(clippy::large_enum_variant, reason = "one value exists while one field is resolved")]
pub enum Node {
    Ticket(TicketNode),
    User(UserNode),
    Team(TeamNode),
    Customer(CustomerNode),
    Comment(CommentNode),
    Notification(NotificationNode),
    KnowledgeCard(CardNode),
}

/// Queries of tickets, people, similar cases and metrics.
#[derive(Default)]
pub struct TicketQuery;

/// Public facts about this installation, readable before sign-in.
#[derive(SimpleObject)]
struct About {
    /// The version of the server.
    version: String,
    /// Whether the installation runs on demo data.
    demo: bool,
    /// In demo mode, the e-mail addresses that can sign in; else empty.
    demo_sign_ins: Vec<String>,
    /// In demo mode, the password of all demo accounts; else null.
    demo_password: Option<String>,
    /// The server's current time; clients use it to measure the offset of their own clock.
    now: DateTime,
    /// The organisation's time zone.
    time_zone: String,
    /// The VAPID public key (applicationServerKey) for Web Push, in Base64url; null if Web Push is not configured.
    web_push_key: Option<String>,
}

/// Loads the comments that the query selects on the tickets of a page, in one statement, before they are resolved.
async fn prefetch_comments(ctx: &Context<'_>, tickets: &Connection<Ticket>) -> Result<(), Error> {
    let ahead = ctx.look_ahead();
    for selection in [ahead.field("nodes").field("comments"), ahead.field("edges").field("node").field("comments")] {
        for field in selection.selection_fields() {
            let Ok(arguments) = field.arguments() else { continue };
            let count = |name: &str| {
                let given = arguments.iter().find(|(argument, _)| argument == name).map(|(_, value)| value);
                if let Some(Value::Number(n)) = given { n.as_i64().and_then(|n| i32::try_from(n).ok()) } else { None }
            };
            let cursors =
                arguments.iter().any(|(name, value)| (name == "after" || name == "before") && *value != Value::Null);
            // Wrong arguments are reported by the resolver of the field.
            let Ok(page) = Page::of(count("first"), None, count("last"), None) else { continue };
            if cursors {
                continue;
            }
            let ids: Vec<TicketId> = tickets.edges.iter().map(|edge| edge.node.id).collect();
            let cx = cx(ctx);
            let mut found = tickets::queries::comments_of(cx, &ids, page.limit, page.backward).await?;
            let key = |ticket| CommentsOf { ticket, limit: page.limit, backward: page.backward };
            let all = ids.into_iter().map(|id| (key(id), found.remove(&id).unwrap_or_default()));
            ctx.data_unchecked::<Loaders>().prime(all.collect()).await;
        }
    }
    Ok(())
}

#[paged]
#[Object]
impl TicketQuery {
    /// Public facts about this installation, readable before sign-in.
    async fn about(&self, ctx: &Context<'_>) -> About {
        let Installation { demo, time_zone, web_push_key } = ctx.data_unchecked::<Installation>().clone();
        let (demo_sign_ins, demo_password) = demo.map(|DemoAccounts { emails, password }| (emails, password)).unzip();
        About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            demo: demo_password.is_some(),
            demo_sign_ins: demo_sign_ins.unwrap_or_default(),
            demo_password,
            now: cx(ctx).now().into(),
            time_zone,
            web_push_key,
        }
    }

    /// The object with this id.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of any object.")] id: ID,
    ) -> async_graphql::Result<Option<Node>> {
        signed_in(ctx).or_top_level(ctx)?;
        let id: Uuid = argument(ctx, "id", &id)?;
        let cx = cx(ctx);
        let loaders = ctx.data_unchecked::<Loaders>();
        // Ids are unique across all types: at most one of these loads finds something.
        if let Some(view) = loaders.load(TicketId(id)).await.or_top_level(ctx)? {
            return Ok(Some(Node::Ticket(TicketNode(view))));
        }
        if let Some(user) = loaders.load(UserId(id)).await.or_top_level(ctx)?
            && people::queries::may_see(&cx.actor, &user)
        {
            return Ok(Some(Node::User(UserNode(user))));
        }
        if let Some(team) = loaders.load(TeamId(id)).await.or_top_level(ctx)? {
            return Ok(Some(Node::Team(TeamNode(team))));
        }
        let own = cx.actor.person().and_then(|person| person.customer);
        if (cx.actor.is_staff() || own == Some(CustomerId(id)))
            && let Some(customer) = loaders.load(CustomerId(id)).await.or_top_level(ctx)?
        {
            return Ok(Some(Node::Customer(CustomerNode(customer))));
        }
        if let Some(comment) = tickets::queries::comment(cx, CommentId(id)).await.or_top_level(ctx)? {
            let view = loaders.load(comment.ticket).await.or_top_level(ctx)?;
            if view.is_some_and(|view| view.access == Access::Full) {
                return Ok(Some(Node::Comment(CommentNode(comment))));
            }
        }
        if let Some(card) = loaders.load(CardId(id)).await.or_top_level(ctx)? {
            return Ok(Some(Node::KnowledgeCard(CardNode(card))));
        }
        if let Some(notification) = visible(ctx, NotificationId(id)).await? {
            return Ok(Some(Node::Notification(notification)));
        }
        Err(Error::not_found()).or_top_level(ctx)
    }

    /// The signed-in person; null before sign-in.
    async fn viewer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, cx(ctx).actor.user_id()).await
    }

    /// The catalogue: teams, issue types, products, tags and skills.
    async fn catalogue(&self, ctx: &Context<'_>) -> async_graphql::Result<Catalogue> {
        signed_in(ctx).or_top_level(ctx)?;
        Ok(Catalogue)
    }

    /// The current end of the event log. Read it before the first page of tickets, then subscribe with `after`, so that
    /// no change is missed.
    async fn board_cursor(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        signed_in(ctx).or_top_level(ctx)?;
        let app = &cx(ctx).app;
        let head = log::head(app.db.read(), app.db.engine).await.or_top_level(ctx)?;
        Ok(head.encode(&app.log_epoch))
    }

    /// A ticket by its id, number or token. Give exactly one argument.
    async fn ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: Option<ID>,
        #[graphql(desc = "Its number.")] number: Option<i32>,
        #[graphql(desc = "Its token.")] token: Option<String>,
    ) -> async_graphql::Result<Option<TicketNode>> {
        signed_in(ctx).or_top_level(ctx)?;
        let name = match (&id, number, &token) {
            (Some(id), None, None) => TicketKey::Id(argument(ctx, "id", id)?),
            (None, Some(number), None) => TicketKey::Number(i64::from(number)),
            (None, None, Some(token)) => TicketKey::Token(token),
            _ => {
                return Err(Error::bad_input(msg!("tickets-lookup-ambiguous"))).or_top_level(ctx);
            }
        };
        let view = tickets::queries::view(cx(ctx), name).await.or_top_level(ctx)?;
        Ok(Some(TicketNode(view)))
    }

    /// Tickets within the viewer's scope; newest first, or most relevant first if a text is given.
    #[graphql(complexity = "rows(first, last) * child_complexity + 5")]
    async fn tickets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which tickets.")] filter: Option<TicketFilter>,
        #[graphql(desc = "The order.")] order_by: Option<TicketOrder>,
        page: PageArgs,
    ) -> async_graphql::Result<Relay<TicketNode>> {
        signed_in(ctx).or_top_level(ctx)?;
        let page = page.checked(ctx)?;
        let filter = filter.unwrap_or_default().into_domain().or_top_level(ctx)?;
        let order = order_by
            .map(|TicketOrder { field, direction }| Ordering { field: field.into(), direction: direction.into() });
        let cx = cx(ctx);
        let tickets = tickets::queries::list(cx, &filter, order, &page).await.or_top_level(ctx)?;
        prefetch_comments(ctx, &tickets).await.or_top_level(ctx)?;
        Ok(relay(tickets, |ticket| TicketNode(View { ticket, access: Access::Full })))
    }

    /// Resolved tickets with the same problem as a text, for example while somebody types it.
    #[graphql(complexity = "SIMILAR_CASES_COST + child_complexity * rows(first.or(Some(SIMILAR_CASES)), None)")]
    async fn similar_cases(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The problem.")] input: SimilarCasesInput,
        #[graphql(default_with = "Some(SIMILAR_CASES)", desc = "How many to return, 1 to 50.")] first: Option<i32>,
    ) -> async_graphql::Result<Vec<SimilarCase>> {
        signed_in(ctx).or_top_level(ctx)?;
        let SimilarCasesInput { title, description, product, issue_type } = input;
        for (field, given, max) in [
            ("title", title.as_str(), text::TITLE_CHARS_MAX),
            ("description", description.as_deref().unwrap_or_default(), text::BODY_CHARS_MAX),
        ] {
            if given.chars().count() > max {
                return Err(Error::bad_input(msg!("recommend-input-too-long", field = field, max = max)))
                    .or_top_level(ctx);
            }
        }
        let description = description.unwrap_or_default();
        similar(
            ctx,
            &Question {
                title,
                description,
                products: product.into_iter().collect(),
                issue_type,
                skills: Vec::new(),
                asker: None,
            },
            first,
        )
        .await
    }

    /// Service metrics of a period: response, resolution and evolution, as ratios and distributions; for staff and
    /// product managers, within what they may see.
    #[graphql(complexity = "METRICS_COST + child_complexity")]
    async fn service_metrics(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The period; each metric assigns a ticket to it by its own anchor (creation, first resolution or closing)."
        )]
        period: Period,
        #[graphql(desc = "Which tickets.")] filter: Option<MetricFilter>,
    ) -> async_graphql::Result<ServiceMetrics> {
        signed_in(ctx).or_top_level(ctx)?;
        ServiceMetrics::of(ctx, selection(ctx, period, filter)?).await
    }

    /// People by name; for staff who choose an assignee or a requester.
    #[graphql(complexity = "rows(first, last) * child_complexity + 5")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only people of this team.")] team_id: Option<ID>,
        #[graphql(desc = "Only people whose name or address contains this.")] text: Option<String>,
        #[brief] page: PageArgs,
    ) -> async_graphql::Result<Relay<UserNode>> {
        signed_in(ctx).or_top_level(ctx)?;
        let page = page.checked(ctx)?;
        let team: Option<TeamId> = team_id.map(|id| argument(ctx, "teamId", &id)).transpose()?;
        let cx = cx(ctx);
        let users = people::queries::list_users(cx, team, text.as_deref(), &page).await.or_top_level(ctx)?;
        Ok(relay(users, |user| UserNode(user.into())))
    }

    /// Customer organisations by name: staff see all, others only their own.
    #[graphql(complexity = "rows(first, last) * child_complexity + 5")]
    async fn customers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only customers whose name or key contains this.")] text: Option<String>,
        #[brief] page: PageArgs,
    ) -> async_graphql::Result<Relay<CustomerNode>> {
        signed_in(ctx).or_top_level(ctx)?;
        let page = page.checked(ctx)?;
        let cx = cx(ctx);
        let customers = people::queries::list_customers(cx, text.as_deref(), &page).await.or_top_level(ctx)?;
        Ok(relay(customers, CustomerNode))
    }
}
