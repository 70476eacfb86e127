//! When a card is made, who may change it, and how surely a solution holds.

use jiff::civil::ISOWeekDate;
use jiff::tz::TimeZone;

use super::model::{Card, CardState, CardText, Held, SURVIVAL_DAYS, Standing, Trial};
use crate::kernel::text::{BODY_CHARS_MAX, REDACTED, TITLE_CHARS_MAX, body, line};
use crate::kernel::{Actor, Code, Refusal, Role, Timestamp, days, refuse};

/// Whether so many of these instants lie in one ISO week.
pub fn recurs_in_a_week(instants: &[Timestamp], wanted: usize, zone: &TimeZone) -> bool {
    let mut weeks: Vec<ISOWeekDate> = instants
        .iter()
        .map(|at| {
            let day = at.to_jiff().to_zoned_datetime(zone.clone()).date().iso_week_date();
            // Any day of it stands for the week.
            ISOWeekDate::new(day.year(), day.week(), jiff::civil::Weekday::Monday).unwrap_or(day)
        })
        .collect();
    weeks.sort_unstable();
    weeks.chunk_by(|a, b| a == b).any(|week| week.len() >= wanted)
}

/// Those who answer for what is known: supervisors, administrators, and product managers for their products.
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

/// Cards are experience: all staff read them, product managers those of their products.
pub fn may_read(actor: &Actor, product: Option<&str>) -> bool {
    actor.is_staff() || manages(actor, product)
}

/// What has become confidential since is for administrators to put right.
pub fn may_read_card(actor: &Actor, card: &Card) -> bool {
    may_read(actor, card.signature.product.as_deref()) && (!card.withheld || administers(actor))
}

pub fn administers(actor: &Actor) -> bool {
    *actor == Actor::System || actor.is(Role::Admin)
}

fn forbidden() -> Refusal {
    refuse(
        Code::Forbidden,
        "cardId",
        "Cards are reviewed, published and retired by supervisors, administrators, and product managers for their products.",
        "知识卡片由主管、管理员或所属产品的产品经理审核、发布与下线。",
    )
}

fn transition(card: &Card, right: &str, right_zh: &str) -> Refusal {
    let state = card.state.word();
    refuse(
        Code::InvalidTransition,
        "cardId",
        format!("This card is {state}; only {right}."),
        format!("该卡片当前状态为 {state}，只有{right_zh}。"),
    )
}

/// Somebody vouches for its text.
pub fn review(card: &Card, actor: &Actor, now: Timestamp) -> Result<Card, Refusal> {
    let by = actor.user_id().filter(|_| manages(actor, card.signature.product.as_deref())).ok_or_else(forbidden)?;
    if card.state != CardState::Draft {
        return Err(transition(card, "a DRAFT can be reviewed", "DRAFT 状态的卡片可以审核"));
    }
    Ok(Card { state: CardState::Reviewed, reviewed: Some((by, now)), ..card.clone() })
}

/// Whoever publishes a draft has reviewed it. A retired card comes back so, too.
pub fn publish(card: &Card, actor: &Actor, now: Timestamp) -> Result<Card, Refusal> {
    let by = actor.user_id().filter(|_| manages(actor, card.signature.product.as_deref())).ok_or_else(forbidden)?;
    if card.state == CardState::Published {
        return Err(transition(card, "a card that is not PUBLISHED can be published", "未发布的卡片可以发布"));
    }
    let reviewed = card.reviewed.filter(|_| card.state == CardState::Reviewed).or(Some((by, now)));
    Ok(Card { state: CardState::Published, reviewed, published: Some((by, now)), retired: None, ..card.clone() })
}

pub fn retire(card: &Card, actor: &Actor, now: Timestamp) -> Result<Card, Refusal> {
    let by = actor.user_id().filter(|_| manages(actor, card.signature.product.as_deref())).ok_or_else(forbidden)?;
    if card.state == CardState::Retired {
        return Err(transition(card, "a card that is not RETIRED can be retired", "未下线的卡片可以下线"));
    }
    Ok(Card { state: CardState::Retired, retired: Some((by, now)), ..card.clone() })
}

/// What of a card's text is to change.
pub struct Edit<'e> {
    pub title: Option<&'e str>,
    pub applies_to: Option<&'e str>,
    pub solution: Option<&'e str>,
    pub own_words: bool,
}

/// Any of the staff improves a card that is not published yet, and it is to be reviewed anew; one that is published or
/// retired is changed by those who answer for it. `None`: nothing is different.
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
        // An empty one: what the signature says.
        let given = Some(applies_to.trim()).filter(|given| !given.is_empty());
        text.applies_to = given.map(|given| body("appliesTo", given, BODY_CHARS_MAX)).transpose()?;
    }
    if let Some(solution) = solution {
        text.solution = body("solution", solution, BODY_CHARS_MAX)?;
    }
    if text == card.text {
        return Ok(None);
    }
    // An edited text is still its case's, but where nothing is left of that: it was taken out, or an administrator says so who puts
    // right what has become confidential.
    let put_right = card.withheld && *own_words;
    let freed = |before: &str, now: &str| before != now && (before == REDACTED || put_right);
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

/// The text that a new card begins with: that of the case which says most.
pub fn draft(title: &str, resolution: &str) -> CardText {
    CardText { title: title.to_owned(), applies_to: None, solution: resolution.to_owned() }
}

/// How tickets that cited a solution have fared, at this instant.
pub fn standing(trials: &[Trial], now: Timestamp) -> Standing {
    let mut standing = Standing { citing: trials.len() as u64, ..Standing::default() };
    for (held, after) in standing.survival.iter_mut().zip(SURVIVAL_DAYS) {
        for Trial { resolved_at, failed_at } in trials {
            let Some(resolved_at) = resolved_at else {
                held.pending += 1;
                continue;
            };
            let until = *resolved_at + days(after);
            match failed_at {
                _ if now < until => held.pending += 1,
                Some(failed_at) if *failed_at <= until => held.failed += 1,
                _ => held.held += 1,
            }
        }
    }
    let early = |trial: &&Trial| {
        trial.failed_at.is_some() && trial.resolved_at.is_some_and(|at| now < at + days(SURVIVAL_DAYS[0]))
    };
    standing.failed_early = trials.iter().filter(early).count() as u64;
    standing
}

/// The 97.5 % quantile of the normal distribution: of an interval that holds with 95 %.
const Z: f64 = 1.96;

/// The lower bound of Wilson's score interval (E. B. Wilson, 1927) at 95 %: how sure a share is, given how much is known.
/// `None` where nothing is.
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

impl Held {
    pub const fn known(self) -> u64 {
        self.held + self.failed
    }

    /// How surely it holds.
    pub fn lower_bound(self) -> Option<f64> {
        lower_bound(self.held, self.known())
    }
}

/// What a solution counts that nobody has tried yet: as much as one that has held once.
const UNTRIED: f64 = 0.2;
/// From so many tickets on, more time says more.
const KNOWN_MIN: u64 = 5;

impl Standing {
    /// By this, solutions are ranked: how surely they hold over the longest time of which enough is known.
    pub fn rank(&self) -> f64 {
        let long = self.survival.iter().rev().find(|held| held.known() >= KNOWN_MIN);
        let Held { held, failed, pending: _ } = *long.unwrap_or(&self.survival[0]);
        lower_bound(held, held + failed + self.failed_early).unwrap_or(UNTRIED)
    }
}
