//! The queries.

use async_graphql::{Context, ID, MergedObject, Object, SimpleObject, Value};
use domain::kernel::{
    CardId, CommentId, Connection, CustomerId, Error, NotificationId, Page, TeamId, TicketId, UserId, text,
};
use domain::people;
use domain::recommend::model::Question;
use domain::runtime::log;
use domain::tickets;
use domain::tickets::model::{Access, Ticket, View};
use domain::tickets::queries::{Name, Ordering};
use uuid::Uuid;

use super::About as Facts;
use super::Caller;
use super::calendar::CalendarQuery;
use super::catalogue::Catalogue;
use super::duty::DutyQuery;
use super::error::OrTopLevel as _;
use super::escalation::EscalationQuery;
use super::heatmap::HeatmapQuery;
use super::hub::HubQuery;
use super::inputs::{SimilarCasesInput, TicketFilter, TicketOrder, argument};
use super::intake::IntakeQuery;
use super::knowledge::{CardNode, KnowledgeQuery};
use super::loaders::{CommentsOf, Loaders};
use super::metrics::{METRICS_PRICE, MetricFilter, Period, ServiceMetrics, selection};
use super::nodes::{CustomerNode, Node, Relay, TeamNode, UserNode, relay};
use super::notifications::NotificationQuery;
use super::reports::ReportQuery;
use super::satisfaction::SatisfactionQuery;
use super::scalars::DateTime;
use super::similar::{SIMILAR_CASES, SIMILAR_CASES_PRICE, SimilarCase, similar};
use super::sla::SlaQuery;
use super::terminals::TerminalQuery;
use super::ticket::{CommentNode, TicketNode, rows};

/// What may be asked.
#[derive(MergedObject, Default)]
pub struct Query(
    TicketQuery,
    CalendarQuery,
    DutyQuery,
    SlaQuery,
    NotificationQuery,
    TerminalQuery,
    EscalationQuery,
    HeatmapQuery,
    HubQuery,
    IntakeQuery,
    KnowledgeQuery,
    SatisfactionQuery,
    ReportQuery,
);

/// Queries of tickets and of what stands around them.
#[derive(Default)]
pub struct TicketQuery;

/// What everyone may know of this installation, before signing in.
#[derive(SimpleObject)]
struct About {
    /// The program's version.
    version: String,
    /// Whether it runs on demo data.
    demo: bool,
    /// In demo mode, the e-mail addresses that sign in.
    demo_sign_ins: Vec<String>,
    /// In demo mode, the password of them all.
    demo_password: Option<String>,
    /// What Buoy's clock says: a client sees by it how far its own is off.
    now: DateTime,
    /// The organisation's time zone.
    time_zone: String,
    /// The key (applicationServerKey) with which a browser subscribes to pushes, in Base64url; null where none are sent.
    web_push_key: Option<String>,
}

fn signed_in(ctx: &Context<'_>) -> async_graphql::Result<UserId> {
    ctx.data_unchecked::<Caller>().cx.actor.user_id().ok_or_else(Error::unauthenticated).or_top_level(ctx)
}

/// Loads the comments that each ticket of a page will be asked for, in one statement, before it is asked.
async fn foresee_comments(ctx: &Context<'_>, tickets: &Connection<Ticket>) -> Result<(), Error> {
    let ahead = ctx.look_ahead();
    for of in [ahead.field("nodes").field("comments"), ahead.field("edges").field("node").field("comments")] {
        for asked in of.selection_fields() {
            let Ok(arguments) = asked.arguments() else { continue };
            let count = |name: &str| {
                let given = arguments.iter().find(|(argument, _)| argument == name).map(|(_, value)| value);
                if let Some(Value::Number(n)) = given { n.as_i64().and_then(|n| i32::try_from(n).ok()) } else { None }
            };
            let cursors =
                arguments.iter().any(|(name, value)| (name == "after" || name == "before") && *value != Value::Null);
            // What is wrong with them is said where they are asked for.
            let Ok(page) = Page::of(count("first"), None, count("last"), None) else { continue };
            if cursors {
                continue;
            }
            let ids: Vec<TicketId> = tickets.edges.iter().map(|edge| edge.node.id).collect();
            let cx = &ctx.data_unchecked::<Caller>().cx;
            let mut found = tickets::queries::comments_of(cx, &ids, page.limit, page.backward).await?;
            let key = |ticket| CommentsOf { ticket, limit: page.limit, backward: page.backward };
            let all = ids.into_iter().map(|id| (key(id), found.remove(&id).unwrap_or_default()));
            ctx.data_unchecked::<Loaders>().feed(all.collect()).await;
        }
    }
    Ok(())
}

#[Object]
impl TicketQuery {
    /// What everyone may know of this installation, before signing in.
    async fn about(&self, ctx: &Context<'_>) -> About {
        let Facts { demo, time_zone, web_push_key } = ctx.data_unchecked::<Facts>().clone();
        About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            demo,
            demo_sign_ins: if demo { crate::cli::demo::sign_ins() } else { Vec::new() },
            demo_password: demo.then(|| crate::cli::demo::PASSWORD.to_owned()),
            now: ctx.data_unchecked::<Caller>().cx.now().into(),
            time_zone,
            web_push_key,
        }
    }

    /// The thing with this id.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of any thing.")] id: ID,
    ) -> async_graphql::Result<Option<Node>> {
        signed_in(ctx)?;
        let id: Uuid = argument(ctx, "id", &id)?;
        let caller = ctx.data_unchecked::<Caller>();
        let loaders = ctx.data_unchecked::<Loaders>();
        // Ids are unique among all things: at most one of these finds something.
        if let Some(view) = loaders.one(TicketId(id)).await.or_top_level(ctx)? {
            return Ok(Some(Node::Ticket(TicketNode(view))));
        }
        if let Some(user) = loaders.one(UserId(id)).await.or_top_level(ctx)?
            && people::queries::may_see(&caller.cx.actor, &user)
        {
            return Ok(Some(Node::User(UserNode(user))));
        }
        if let Some(team) = loaders.one(TeamId(id)).await.or_top_level(ctx)? {
            return Ok(Some(Node::Team(TeamNode(team))));
        }
        let own = caller.cx.actor.person().and_then(|person| person.customer);
        if (caller.cx.actor.is_staff() || own == Some(CustomerId(id)))
            && let Some(customer) = loaders.one(CustomerId(id)).await.or_top_level(ctx)?
        {
            return Ok(Some(Node::Customer(CustomerNode(customer))));
        }
        if let Some(comment) = tickets::queries::comment(&caller.cx, CommentId(id)).await.or_top_level(ctx)? {
            let view = loaders.one(comment.ticket).await.or_top_level(ctx)?;
            if view.is_some_and(|view| view.access == Access::Full) {
                return Ok(Some(Node::Comment(CommentNode(comment))));
            }
        }
        if let Some(card) = loaders.one(CardId(id)).await.or_top_level(ctx)? {
            return Ok(Some(Node::KnowledgeCard(CardNode(card))));
        }
        if let Some(notification) = super::notifications::visible(ctx, NotificationId(id)).await? {
            return Ok(Some(Node::Notification(notification)));
        }
        Err(Error::not_found()).or_top_level(ctx)
    }

    /// Who asks; null before signing in.
    async fn viewer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        super::nodes::user(ctx, ctx.data_unchecked::<Caller>().cx.actor.user_id()).await
    }

    /// The words of the house: teams, issue types, products, tags, skills.
    async fn catalogue(&self, ctx: &Context<'_>) -> async_graphql::Result<Catalogue> {
        signed_in(ctx)?;
        Ok(Catalogue)
    }

    /// The end of the log now. Read it before the first page of tickets, then subscribe with `after`: nothing falls
    /// between.
    async fn board_cursor(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        signed_in(ctx)?;
        let app = &ctx.data_unchecked::<Caller>().cx.app;
        let head = log::head(app.db.read(), app.db.engine).await.or_top_level(ctx)?;
        Ok(head.seal(&app.log_epoch))
    }

    /// A ticket by one of its names. Give exactly one argument.
    async fn ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: Option<ID>,
        #[graphql(desc = "Its number.")] number: Option<i32>,
        #[graphql(desc = "Its token.")] token: Option<String>,
    ) -> async_graphql::Result<Option<TicketNode>> {
        signed_in(ctx)?;
        let name = match (&id, number, &token) {
            (Some(id), None, None) => Name::Id(argument(ctx, "id", id)?),
            (None, Some(number), None) => Name::Number(i64::from(number)),
            (None, None, Some(token)) => Name::Token(token),
            _ => {
                return Err(Error::bad_input(
                    "Give exactly one of id, number and token.",
                    "id、number、token 必须且只能给出一个。",
                ))
                .or_top_level(ctx);
            }
        };
        let view = tickets::queries::view(&ctx.data_unchecked::<Caller>().cx, name).await.or_top_level(ctx)?;
        Ok(Some(TicketNode(view)))
    }

    /// Tickets within the viewer's scope; newest first, or most relevant first where a text is given.
    #[graphql(complexity = "rows(first, last) * child_complexity + 5")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of the contract")]
    async fn tickets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which tickets.")] filter: Option<TicketFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<TicketOrder>,
        #[graphql(desc = "At most so many, from the beginning; 20 where neither first nor last is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "At most so many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
    ) -> async_graphql::Result<Relay<TicketNode>> {
        signed_in(ctx)?;
        let page = Page::of(first, after, last, before).or_top_level(ctx)?;
        let filter = filter.unwrap_or_default().into_domain().or_top_level(ctx)?;
        let order = order_by
            .map(|TicketOrder { field, direction }| Ordering { field: field.into(), direction: direction.into() });
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let tickets = tickets::queries::list(cx, &filter, order, &page).await.or_top_level(ctx)?;
        foresee_comments(ctx, &tickets).await.or_top_level(ctx)?;
        Ok(relay(tickets, |ticket| TicketNode(View { ticket, access: Access::Full })))
    }

    /// Resolved tickets with the same problem as a text, while somebody types.
    #[graphql(complexity = "SIMILAR_CASES_PRICE + child_complexity * rows(first.or(Some(SIMILAR_CASES)), None)")]
    async fn similar_cases(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The problem.")] input: SimilarCasesInput,
        #[graphql(default_with = "Some(SIMILAR_CASES)", desc = "At most so many; 50 at most.")] first: Option<i32>,
    ) -> async_graphql::Result<Vec<SimilarCase>> {
        signed_in(ctx)?;
        let SimilarCasesInput { title, description, product, issue_type } = input;
        for (field, given, max) in [
            ("title", title.as_str(), text::TITLE_CHARS_MAX),
            ("description", description.as_deref().unwrap_or_default(), text::BODY_CHARS_MAX),
        ] {
            if given.chars().count() > max {
                return Err(Error::bad_input(
                    format!("input.{field} is longer than {max} characters."),
                    format!("input.{field} 超过 {max} 个字符。"),
                ))
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

    /// Figures of a period: response, resolution and evolution, as ratios and distributions; for staff and product
    /// managers, within what they may see.
    #[graphql(complexity = "METRICS_PRICE + child_complexity")]
    async fn service_metrics(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The period; every metric is put into it by its own anchor.")] period: Period,
        #[graphql(desc = "Which tickets.")] filter: Option<MetricFilter>,
    ) -> async_graphql::Result<ServiceMetrics> {
        signed_in(ctx)?;
        ServiceMetrics::of(ctx, selection(ctx, period, filter)?).await
    }

    /// People by name, for staff who choose an assignee or a requester.
    #[graphql(complexity = "rows(first, last) * child_complexity + 5")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Relay connection")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this team.")] team_id: Option<ID>,
        #[graphql(desc = "Only whose name or address has this in it.")] text: Option<String>,
        #[graphql(desc = "At most so many, from the beginning.")] first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "At most so many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
    ) -> async_graphql::Result<Relay<UserNode>> {
        signed_in(ctx)?;
        let page = Page::of(first, after, last, before).or_top_level(ctx)?;
        let team: Option<TeamId> = team_id.map(|id| argument(ctx, "teamId", &id)).transpose()?;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let users = people::queries::list_users(cx, team, text.as_deref(), &page).await.or_top_level(ctx)?;
        Ok(relay(users, |user| UserNode(user.into())))
    }

    /// Customer organisations by name: staff see all, others their own.
    #[graphql(complexity = "rows(first, last) * child_complexity + 5")]
    async fn customers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only whose name or key has this in it.")] text: Option<String>,
        #[graphql(desc = "At most so many, from the beginning.")] first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "At most so many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
    ) -> async_graphql::Result<Relay<CustomerNode>> {
        signed_in(ctx)?;
        let page = Page::of(first, after, last, before).or_top_level(ctx)?;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let customers = people::queries::list_customers(cx, text.as_deref(), &page).await.or_top_level(ctx)?;
        Ok(relay(customers, CustomerNode))
    }
}
