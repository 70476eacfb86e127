//! Rules of cards: extraction, permissions, transitions; and reuse statistics.

use jiff::civil::ISOWeekDate;
use jiff::tz::TimeZone;

use super::model::{
    Card, CardState, CardText, CitationOutcome, CreateCard, Origin, ReuseStats, SURVIVAL_DAYS, Signature, Survival,
};
use crate::catalogue::model::{CatalogueSnapshot, Kind};
use crate::kernel::text::{BODY_CHARS_MAX, REDACTED, TITLE_CHARS_MAX, body, line};
use crate::kernel::{Actor, CardId, Code, Locale, Message, Refusal, Role, Timestamp, days, refuse};
use crate::msg;
use crate::tickets::model::{FaultType, RootCauseLevel};

/// Whether at least `wanted` of these instants lie in one ISO week.
pub fn recurs_in_a_week(instants: &[Timestamp], wanted: usize, zone: &TimeZone) -> bool {
    let mut weeks: Vec<ISOWeekDate> = instants
        .iter()
        .map(|at| {
            let day = at.to_jiff().to_zoned_datetime(zone.clone()).date().iso_week_date();
            // Monday represents the week.
            ISOWeekDate::new(day.year(), day.week(), jiff::civil::Weekday::Monday).unwrap_or(day)
        })
        .collect();
    weeks.sort_unstable();
    weeks.chunk_by(|a, b| a == b).any(|week| week.len() >= wanted)
}

/// Whether the actor manages cards of this product: supervisors, administrators, and product managers for their products.
pub fn manages(actor: &Actor, product: Option<&str>) -> bool {
    match actor {
        Actor::System => true,
        Actor::Anonymous => false,
        Actor::Person(person) => {
            person.is(Role::Admin)
                || person.is(Role::Supervisor)
                || (person.is(Role::ProductManager)
                    && product.is_some_and(|product| person.products.iter().any(|own| own == product)))
        }
    }
}

/// All staff read cards; product managers read those of their products.
pub fn may_read(actor: &Actor, product: Option<&str>) -> bool {
    actor.is_staff() || manages(actor, product)
}

/// A card whose source ticket became confidential is readable by administrators only.
pub fn may_read_card(actor: &Actor, card: &Card) -> bool {
    may_read(actor, card.signature.product.as_deref()) && (!card.withheld || administers(actor))
}

pub fn administers(actor: &Actor) -> bool {
    *actor == Actor::System || actor.is(Role::Admin)
}

fn forbidden() -> Refusal {
    refuse(Code::Forbidden, "cardId", msg!("knowledge-manage-forbidden"))
}

fn invalid_transition(card: &Card, allowed: Message) -> Refusal {
    let state = card.state.as_str();
    refuse(Code::InvalidTransition, "cardId", msg!("knowledge-transition-invalid", state = state, allowed = allowed))
}

/// Solution tags of a card.
const SOLUTION_TAGS_MAX: usize = 20;

/// A draft in somebody's own words: of staff, or of a product manager for their products. The catalogue has its keys.
pub fn create(given: &CreateCard, id: CardId, actor: &Actor, now: Timestamp) -> Result<Card, Refusal> {
    let CreateCard { title, applies_to, solution, fault_type, root_cause_level, cause_tag, product, solution_tags } =
        given;
    if actor.user_id().is_none() || !may_read(actor, product.as_deref()) {
        return Err(refuse(Code::Forbidden, "product", msg!("knowledge-create-forbidden")));
    }
    let mut solution_tags = solution_tags.clone();
    solution_tags.sort_unstable();
    solution_tags.dedup();
    if solution_tags.is_empty() || solution_tags.len() > SOLUTION_TAGS_MAX {
        let code = if solution_tags.is_empty() { Code::Required } else { Code::LimitExceeded };
        return Err(refuse(code, "solutionTags", msg!("knowledge-solution-tags", max = SOLUTION_TAGS_MAX)));
    }
    let applies_to = applies_to.as_deref().map(str::trim).filter(|text| !text.is_empty());
    Ok(Card {
        id,
        signature: Signature {
            fault_type: *fault_type,
            root_cause_level: *root_cause_level,
            cause_tag: cause_tag.clone(),
            product: product.clone(),
            solution_tags,
        },
        state: CardState::Draft,
        version: 1,
        text: CardText {
            title: line("title", title, TITLE_CHARS_MAX)?,
            applies_to: applies_to.map(|text| body("appliesTo", text, BODY_CHARS_MAX)).transpose()?,
            solution: body("solution", solution, BODY_CHARS_MAX)?,
        },
        extracted_at: now,
        reviewed: None,
        published: None,
        retired: None,
        origin: Origin::default(),
        withheld: false,
    })
}

/// Marks a draft as reviewed.
pub fn review(card: &Card, actor: &Actor, now: Timestamp) -> Result<Card, Refusal> {
    let by = actor.user_id().filter(|_| manages(actor, card.signature.product.as_deref())).ok_or_else(forbidden)?;
    if card.state != CardState::Draft {
        return Err(invalid_transition(card, msg!("knowledge-transition-review")));
    }
    Ok(Card { state: CardState::Reviewed, reviewed: Some((by, now)), ..card.clone() })
}

/// Publishes a card. Publishing a draft or a retired card counts as its review.
pub fn publish(card: &Card, actor: &Actor, now: Timestamp) -> Result<Card, Refusal> {
    let by = actor.user_id().filter(|_| manages(actor, card.signature.product.as_deref())).ok_or_else(forbidden)?;
    if card.state == CardState::Published {
        return Err(invalid_transition(card, msg!("knowledge-transition-publish")));
    }
    let reviewed = card.reviewed.filter(|_| card.state == CardState::Reviewed).or(Some((by, now)));
    Ok(Card { state: CardState::Published, reviewed, published: Some((by, now)), retired: None, ..card.clone() })
}

pub fn retire(card: &Card, actor: &Actor, now: Timestamp) -> Result<Card, Refusal> {
    let by = actor.user_id().filter(|_| manages(actor, card.signature.product.as_deref())).ok_or_else(forbidden)?;
    if card.state == CardState::Retired {
        return Err(invalid_transition(card, msg!("knowledge-transition-retire")));
    }
    Ok(Card { state: CardState::Retired, retired: Some((by, now)), ..card.clone() })
}

/// The requested changes of a card's text.
pub struct Edit<'e> {
    pub title: Option<&'e str>,
    pub applies_to: Option<&'e str>,
    pub solution: Option<&'e str>,
    pub own_words: bool,
}

/// Staff may edit a card that is not published yet; it then needs a new review. Only managers may edit a published or
/// retired card. `None`: nothing changes.
pub fn edit(card: &Card, actor: &Actor, edit: &Edit<'_>) -> Result<Option<Card>, Refusal> {
    let manages = manages(actor, card.signature.product.as_deref());
    let open = matches!(card.state, CardState::Draft | CardState::Reviewed);
    if !(manages || open && actor.is_staff()) {
        return Err(forbidden());
    }
    let Edit { title, applies_to, solution, own_words } = edit;
    let mut text = card.text.clone();
    let mut origin = card.origin;
    if let Some(title) = title {
        text.title = line("title", title, TITLE_CHARS_MAX)?;
    }
    if let Some(applies_to) = applies_to {
        // An empty text falls back to the signature's.
        let given = Some(applies_to.trim()).filter(|given| !given.is_empty());
        text.applies_to = given.map(|given| body("appliesTo", given, BODY_CHARS_MAX)).transpose()?;
    }
    if let Some(solution) = solution {
        text.solution = body("solution", solution, BODY_CHARS_MAX)?;
    }
    if text == card.text {
        return Ok(None);
    }
    // An edited text still counts as the source ticket's text, unless the old one was redacted or an administrator declares
    // it to be their own words.
    let put_right = card.withheld && *own_words;
    let freed = |before: &str, now: &str| before != now && (before == REDACTED.as_str() || put_right);
    if freed(&card.text.title, &text.title) {
        origin.title = None;
    }
    if freed(&card.text.solution, &text.solution) {
        origin.solution = None;
    }
    let state = if open { CardState::Draft } else { card.state };
    let reviewed = card.reviewed.filter(|_| !open);
    Ok(Some(Card { state, reviewed, version: card.version + 1, text, origin, ..card.clone() }))
}

/// The text of a new card.
pub fn draft(title: &str, resolution: &str) -> CardText {
    CardText { title: title.to_owned(), applies_to: None, solution: resolution.to_owned() }
}

/// Reuse statistics of a solution as of `now`.
pub fn reuse_stats(outcomes: &[CitationOutcome], now: Timestamp) -> ReuseStats {
    let mut stats = ReuseStats { citing: outcomes.len() as u64, ..ReuseStats::default() };
    for (survival, after) in stats.survival.iter_mut().zip(SURVIVAL_DAYS) {
        for CitationOutcome { resolved_at, failed_at } in outcomes {
            let Some(resolved_at) = resolved_at else {
                survival.pending += 1;
                continue;
            };
            let until = *resolved_at + days(after);
            match failed_at {
                _ if now < until => survival.pending += 1,
                Some(failed_at) if *failed_at <= until => survival.failed += 1,
                _ => survival.survived += 1,
            }
        }
    }
    let early = |outcome: &&CitationOutcome| {
        outcome.failed_at.is_some() && outcome.resolved_at.is_some_and(|at| now < at + days(SURVIVAL_DAYS[0]))
    };
    stats.failed_early = outcomes.iter().filter(early).count() as u64;
    stats
}

/// The 97.5 % quantile of the normal distribution, for a two-sided 95 % interval.
const Z: f64 = 1.96;

/// The lower bound of Wilson's score interval (E. B. Wilson, 1927) at 95 %: a share, corrected for small samples.
/// `None` if there are no observations.
#[expect(clippy::cast_precision_loss, reason = "counts of tickets")]
pub fn lower_bound(good: u64, all: u64) -> Option<f64> {
    if all == 0 {
        return None;
    }
    let (n, share) = (all as f64, good as f64 / all as f64);
    let middle = share + Z * Z / (2.0 * n);
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some(((middle - spread) / (1.0 + Z * Z / n)).clamp(0.0, 1.0))
}

impl Survival {
    pub const fn known(self) -> u64 {
        self.survived + self.failed
    }

    /// The lower bound of the share that survived.
    pub fn lower_bound(self) -> Option<f64> {
        lower_bound(self.survived, self.known())
    }
}

/// The rank of a solution without known outcomes: about that of one success in one trial.
const UNTRIED: f64 = 0.2;
/// The fewest known outcomes for a longer period to be used.
const KNOWN_MIN: u64 = 5;

impl ReuseStats {
    /// The value that solutions are ranked by: the lower bound of their survival over the longest period with enough known outcomes.
    pub fn rank(&self) -> f64 {
        let longest = self.survival.iter().rev().find(|survival| survival.known() >= KNOWN_MIN);
        let Survival { survived, failed, pending: _ } = *longest.unwrap_or(&self.survival[0]);
        lower_bound(survived, survived + failed + self.failed_early).unwrap_or(UNTRIED)
    }
}

pub fn fault_name(fault: FaultType) -> Message {
    match fault {
        FaultType::Hardware => msg!("knowledge-fault-hardware"),
        FaultType::Software => msg!("knowledge-fault-software"),
        FaultType::Configuration => msg!("knowledge-fault-configuration"),
        FaultType::Operation => msg!("knowledge-fault-operation"),
    }
}

pub fn level_name(level: RootCauseLevel) -> Message {
    match level {
        RootCauseLevel::L1UserError => msg!("knowledge-cause-user-error"),
        RootCauseLevel::L2Environment => msg!("knowledge-cause-environment"),
        RootCauseLevel::L3DesignDefect => msg!("knowledge-cause-design-defect"),
    }
}

/// A readable label of a cause.
pub fn cause_label(
    known: &CatalogueSnapshot,
    language: Locale,
    product: Option<&str>,
    fault: FaultType,
    level: RootCauseLevel,
    tag: Option<&str>,
) -> String {
    let mut parts: Vec<String> =
        product.map(|key| known.entry_name(Kind::Product, key, language)).into_iter().collect();
    parts.push(fault_name(fault).text(language));
    parts.push(level_name(level).text(language));
    parts.extend(tag.map(|key| known.entry_name(Kind::CauseTag, key, language)));
    parts.join(" · ")
}
