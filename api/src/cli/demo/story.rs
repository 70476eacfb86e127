//! Ninety days of tickets: who does what when, made up from the scenarios, then played in the order of time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::kernel::{Actor, Clock as _, ManualClock, Role, TicketId, Timestamp, days, hours, minutes};
use domain::knowledge::model::CiteSolution;
use domain::runtime::{App, Command, Ctx};
use domain::satisfaction::model::RateTicket;
use domain::tickets::model::{
    AcceptTicket, AddComment, AssignTicket, AttributionGiven, CancelTicket, ChaseTicket, CloseTicket, CreateTicket,
    ExternalRef, OpenTicket, Priority, ReopenTicket, ResolveTicket, SetWaiting, Visibility,
};
use jiff::tz::TimeZone;

use super::scenarios::{Scenario, Scenarios, Someone};
use crate::node::CannotStart;

/// Buoy closes what was resolved so long ago.
const CLOSES_ITSELF: Duration = days(7);
/// Of what came in these last days, much is still open.
const FRESH: Duration = days(7);
/// Arrivals of a working day and of a free one.
const BUSY: u64 = 6;
const QUIET: u64 = 1;
const CHANNELS: [&str; 8] = ["web", "web", "web", "wecom", "wecom", "email", "dingtalk", "api"];

/// Chance that is the same for everybody: splitmix64 (Steele, Lea and Flood, 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.roll() % (high - low + 1)
    }

    fn percent(&mut self, share: u64) -> bool {
        self.between(1, 100) <= share
    }

    /// `None` where there is nothing to choose from.
    fn of<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        let place = usize::try_from(self.roll()).unwrap_or_default().checked_rem(choices.len())?;
        choices.get(place)
    }
}

/// Who does what. People are named by their login.
enum Act {
    Create(Box<CreateTicket>, &'static str),
    Open,
    Assign {
        to: String,
    },
    Accept,
    Comment(String, Visibility),
    Wait(String),
    Chase,
    /// The solution of an earlier ticket, by its place in the story.
    Cite(usize),
    Resolve(AttributionGiven),
    Close,
    Rate(i32, Option<String>),
    Reopen(String),
    Cancel(String),
}

struct Step {
    at: Timestamp,
    ticket: usize,
    /// `None`: Buoy itself.
    by: Option<String>,
    act: Act,
}

pub(super) struct Story {
    steps: Vec<Step>,
    tickets: usize,
}

impl Story {
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    pub fn tickets(&self) -> usize {
        self.tickets
    }

    pub fn tell(scenarios: &Scenarios, from: Timestamp, until: Timestamp, zone: &TimeZone) -> Self {
        let mut teller = Teller {
            scenarios,
            until,
            zone,
            dice: Dice(2026),
            steps: Vec::new(),
            tickets: 0,
            solved: Vec::new(),
            fresh_from: until - FRESH,
        };
        let mut day = from;
        while day < until {
            let weekday = day.to_jiff().to_zoned_datetime(zone.clone()).weekday();
            let free = matches!(weekday, jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday);
            for _ in 0..if free { QUIET } else { teller.dice.between(BUSY - 2, BUSY + 2) } {
                teller.ticket(day);
            }
            day = day + days(1);
        }
        // The last half hour, so that the board is never without something new.
        for ago in [26, 11, 4] {
            teller.ticket_at(until - minutes(ago));
        }
        let Teller { mut steps, tickets, .. } = teller;
        steps.sort_by_key(|step| step.at);
        Self { steps, tickets }
    }

    /// Plays the steps in order of time; `done` hears how many.
    pub async fn play(
        self,
        app: &Arc<App>,
        clock: &ManualClock,
        scenarios: &Scenarios,
        mut done: impl FnMut(usize),
    ) -> Result<(), CannotStart> {
        let actors = scenarios.furnish(app).await?;
        let mut tickets = HashMap::new();
        for (place, step) in self.steps.into_iter().enumerate() {
            let ahead = step.at.millis() - clock.now().millis();
            clock.advance(Duration::from_millis(u64::try_from(ahead).unwrap_or(0)));
            let played = play(app, &actors, &mut tickets, &step).await;
            played.map_err(|e| CannotStart(format!("the demo's step {place} at {}: {e}", step.at)))?;
            done(place + 1);
        }
        Ok(())
    }
}

async fn play(
    app: &Arc<App>,
    actors: &HashMap<String, Actor>,
    tickets: &mut HashMap<usize, TicketId>,
    step: &Step,
) -> domain::kernel::Result<()> {
    let actor = step.by.as_ref().and_then(|login| actors.get(login)).cloned().unwrap_or(Actor::System);
    let channel = if let Act::Create(_, channel) = step.act { channel } else { "web" };
    let cx = Ctx { actor, channel, ..Ctx::system(app) };
    if let Act::Create(command, _) = &step.act {
        tickets.insert(step.ticket, cx.execute(&**command, None).await?);
        return Ok(());
    }
    let Some(ticket) = tickets.get(&step.ticket).copied() else { return Ok(()) };
    let expected_version = None;
    match &step.act {
        Act::Create(..) => Ok(()),
        Act::Open => run(&cx, OpenTicket { ticket }).await,
        Act::Assign { to } => {
            let Some(assignee) = actors.get(to).and_then(Actor::user_id) else { return Ok(()) };
            run(&cx, AssignTicket { ticket, assignee, expected_version }).await
        }
        Act::Accept => run(&cx, AcceptTicket { ticket, expected_version }).await,
        Act::Comment(body, visibility) => {
            run(&cx, AddComment { ticket, body: body.clone(), visibility: *visibility, mentions: Vec::new() }).await
        }
        Act::Wait(reason) => run(&cx, SetWaiting { ticket, reason: reason.clone(), expected_version }).await,
        Act::Chase => run(&cx, ChaseTicket { ticket }).await,
        Act::Resolve(attribution) => {
            run(&cx, ResolveTicket { ticket, attribution: attribution.clone(), expected_version }).await
        }
        Act::Cite(earlier) => {
            let Some(case) = tickets.get(earlier).copied() else { return Ok(()) };
            run(&cx, CiteSolution { ticket, case: Some(case), card: None }).await
        }
        Act::Rate(score, comment) => run(&cx, RateTicket { ticket, score: *score, comment: comment.clone() }).await,
        Act::Close => run(&cx, CloseTicket { ticket, expected_version }).await,
        Act::Reopen(reason) => run(&cx, ReopenTicket { ticket, reason: reason.clone(), expected_version }).await,
        Act::Cancel(reason) => run(&cx, CancelTicket { ticket, reason: reason.clone(), expected_version }).await,
    }
}

async fn run<C: Command>(cx: &Ctx, command: C) -> domain::kernel::Result<()> {
    cx.execute(&command, None).await.map(drop)
}

/// Makes up one ticket after the other.
struct Teller<'s> {
    scenarios: &'s Scenarios,
    until: Timestamp,
    fresh_from: Timestamp,
    zone: &'s TimeZone,
    dice: Dice,
    steps: Vec<Step>,
    tickets: usize,
    /// Solved for good: of which issue type, when, which ticket.
    solved: Vec<(&'s str, Timestamp, usize)>,
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

fn speaks_chinese(someone: &Someone) -> bool {
    !matches!(someone.customer.as_deref(), Some("NORTHWIND" | "BAYMOTORS"))
}

impl Teller<'_> {
    /// One ticket at some working hour of this day.
    fn ticket(&mut self, day: Timestamp) {
        let hour = match self.dice.between(1, 100) {
            1..=45 => self.dice.between(8, 11),
            46..=60 => self.dice.between(13, 14),
            61..=92 => self.dice.between(14, 17),
            _ => self.dice.between(18, 22),
        };
        let (minute, second) = (self.dice.between(0, 59), self.dice.between(0, 59));
        let Ok(midnight) = day.to_jiff().to_zoned_datetime(self.zone.clone()).start_of_day() else { return };
        let at = Timestamp::from_millis(midnight.timestamp().as_millisecond());
        self.ticket_at(at + hours(hour) + minutes(minute) + Duration::from_secs(second));
    }

    fn ticket_at(&mut self, created: Timestamp) {
        if created >= self.until {
            return;
        }
        let requesters = self.scenarios.with(Role::Requester);
        let Some(requester) = self.dice.of(&requesters).copied() else { return };
        let chinese = speaks_chinese(requester);
        let speaking: Vec<&Scenario> =
            self.scenarios.scenarios.iter().filter(|one| one.titles.iter().any(|t| is_chinese(t) == chinese)).collect();
        let Some(scenario) = self.dice.of(&speaking).copied() else { return };
        let ticket = self.tickets;
        self.tickets += 1;
        let mut life = Life::new(self, requester, scenario, ticket, created);
        life.live();
        let mut steps = std::mem::take(&mut life.steps);
        // Much of what came lately is still under way.
        if created >= self.fresh_from && self.dice.percent(75) {
            let kept = self.dice.between(1, steps.len().min(7) as u64);
            steps.truncate(usize::try_from(kept).unwrap_or(1));
        }
        steps.retain(|step| step.at < self.until);
        let resolved = steps.iter().find(|step| matches!(step.act, Act::Resolve(_))).map(|step| step.at);
        if let Some(at) = resolved.filter(|_| !steps.iter().any(|step| matches!(step.act, Act::Reopen(_)))) {
            self.solved.push((scenario.issue_type.as_str(), at, ticket));
        }
        self.steps.extend(steps);
    }
}

/// The life of one ticket.
struct Life<'l, 's> {
    teller: &'l mut Teller<'s>,
    scenario: &'s Scenario,
    requester: String,
    chinese: bool,
    numbers: [(&'static str, String); 5],
    ticket: usize,
    now: Timestamp,
    steps: Vec<Step>,
}

impl<'l, 's> Life<'l, 's> {
    fn new(
        teller: &'l mut Teller<'s>,
        requester: &Someone,
        scenario: &'s Scenario,
        ticket: usize,
        now: Timestamp,
    ) -> Self {
        let dice = &mut teller.dice;
        let numbers = [
            ("{line}", dice.between(1, 9).to_string()),
            ("{unit}", format!("SN-{}", dice.between(40_000, 49_999))),
            ("{n}", dice.between(2, 9).to_string()),
            ("{code}", dice.between(100, 999).to_string()),
            ("{room}", dice.between(101, 420).to_string()),
        ];
        let chinese = speaks_chinese(requester);
        let requester = requester.login.clone();
        Self { teller, scenario, requester, chinese, numbers, ticket, now, steps: Vec::new() }
    }

    /// One of the texts, in the requester's language where there is one, with its numbers put in.
    fn text(&mut self, texts: &[String]) -> Option<String> {
        let fitting: Vec<&String> = texts.iter().filter(|text| is_chinese(text) == self.chinese).collect();
        let all: Vec<&String> = texts.iter().collect();
        let text = self.teller.dice.of(if fitting.is_empty() { &all } else { &fitting })?;
        Some(self.numbers.iter().fold((*text).clone(), |text, (hole, number)| text.replace(hole, number)))
    }

    fn then(&mut self, after: Duration, by: &str, act: Act) {
        self.now = self.now + after;
        self.steps.push(Step { at: self.now, ticket: self.ticket, by: Some(by.to_owned()), act });
    }

    fn minutes(&mut self, low: u64, high: u64) -> Duration {
        minutes(self.teller.dice.between(low, high))
    }

    fn live(&mut self) {
        let Some(create) = self.create() else { return };
        let requester = self.requester.clone();
        let channel = self.teller.dice.of(&CHANNELS).copied().unwrap_or("web");
        self.then(Duration::ZERO, &requester, Act::Create(Box::new(create), channel));
        if self.teller.dice.percent(3) {
            let pause = self.minutes(10, 90);
            let reason = if self.chinese {
                "重复提交，已有工单在处理。"
            } else {
                "Submitted twice; the other one goes on."
            };
            self.then(pause, &requester, Act::Cancel(reason.to_owned()));
            return;
        }
        let Some(mut agent) = self.agent("") else { return };
        let pause = self.minutes(1, 25);
        self.then(pause, "supervisor", Act::Assign { to: agent.clone() });
        let answered_late = self.at_lunch();
        let pause = if answered_late { self.minutes(70, 150) } else { self.minutes(2, 35) };
        self.then(pause, &agent, Act::Open);
        let pause = self.minutes(1, 9);
        self.then(pause, &agent, Act::Accept);
        if self.teller.dice.percent(9)
            && let Some(next) = self.agent(&agent)
        {
            let pause = self.minutes(20, 200);
            self.then(pause, &agent, Act::Assign { to: next.clone() });
            let pause = self.minutes(5, 60);
            self.then(pause, &next, Act::Accept);
            agent = next;
        }
        self.talk(&agent);
        if self.teller.dice.percent(12) {
            let pause = self.minutes(120, 400);
            self.then(pause, &requester, Act::Chase);
        }
        let cites = self.cite(&agent);
        // What somebody has solved before takes less time.
        let pause = match self.teller.dice.percent(70) {
            true if cites => self.minutes(5, 60),
            true => self.minutes(15, 240),
            false => self.minutes(400, 2_600),
        };
        self.resolve(pause, &agent);
        if self.teller.dice.percent(5) {
            let reason =
                if self.chinese { "问题又出现了，和之前一样。" } else { "It is back, just like before." };
            let pause = self.minutes(300, 5_000);
            self.then(pause, &requester, Act::Reopen(reason.to_owned()));
            let pause = self.minutes(120, 1_200);
            self.resolve(pause, &agent);
        }
        if self.teller.dice.percent(60) {
            let pause = self.minutes(60, 4_000);
            self.then(pause, &requester, Act::Close);
            self.rate(&requester);
        } else {
            self.now = self.now + CLOSES_ITSELF;
            self.steps.push(Step { at: self.now, ticket: self.ticket, by: None, act: Act::Close });
        }
    }

    fn create(&mut self) -> Option<CreateTicket> {
        let scenario = self.scenario;
        let dice = &mut self.teller.dice;
        let priority = match dice.between(1, 10) {
            roll if roll <= scenario.urgent / 2 => Priority::Urgent,
            roll if roll <= scenario.urgent => Priority::High,
            10 => Priority::Low,
            _ => Priority::Normal,
        };
        let refs = dice.percent(20).then(|| ExternalRef {
            system: "CRM_ID".to_owned(),
            external_id: format!("C-{:05}", 10_000 + self.ticket),
        });
        Some(CreateTicket {
            title: self.text(&scenario.titles)?,
            description: self.text(&scenario.descriptions)?,
            priority,
            issue_type: Some(scenario.issue_type.clone()),
            product: scenario.product.clone(),
            device: scenario.product.as_ref().map(|product| format!("{product}-{:04}", self.ticket % 97)),
            customer_key: None,
            requester_email: None,
            required_skills: Vec::new(),
            external_refs: refs.into_iter().collect(),
            at: None,
        })
    }

    /// An agent of the team that such tickets go to, but for one.
    fn agent(&mut self, but: &str) -> Option<String> {
        let team = self.teller.scenarios.team_of(&self.scenario.issue_type)?;
        let agents = self.teller.scenarios.with(Role::Agent);
        let fitting: Vec<&Someone> = agents
            .into_iter()
            .filter(|agent| agent.login != but && agent.teams.iter().any(|key| key == team))
            .collect();
        self.teller.dice.of(&fitting).map(|agent| agent.login.clone())
    }

    /// Between 13:00 and 14:30 nobody answers: a pattern for the heat-map to find.
    fn at_lunch(&self) -> bool {
        let time = self.now.to_jiff().to_zoned_datetime(self.teller.zone.clone()).time();
        time.hour() == 13 || (time.hour() == 14 && time.minute() < 30)
    }

    /// A question, perhaps waited for, and its answer.
    fn talk(&mut self, agent: &str) {
        if !self.teller.dice.percent(55) {
            return;
        }
        let scenario = self.scenario;
        let (Some(question), Some(answer)) = (self.text(&scenario.questions), self.text(&scenario.answers)) else {
            return;
        };
        let requester = self.requester.clone();
        let pause = self.minutes(5, 60);
        self.then(pause, agent, Act::Comment(question, Visibility::Public));
        if self.teller.dice.percent(60) {
            let reason = if self.chinese { "等待客户答复" } else { "Waiting for the customer's answer" };
            self.then(minutes(1), agent, Act::Wait(reason.to_owned()));
        }
        let pause = self.minutes(15, 600);
        self.then(pause, &requester, Act::Comment(answer, Visibility::Public));
        if self.teller.dice.percent(30) {
            let note = if self.chinese {
                "已与现场确认，备件在库。"
            } else {
                "Confirmed on site; the part is in stock."
            };
            let pause = self.minutes(5, 40);
            self.then(pause, agent, Act::Comment(note.to_owned(), Visibility::Internal));
        }
    }

    /// The solution of one like it, where there is one.
    fn cite(&mut self, agent: &str) -> bool {
        let (issue, now) = (self.scenario.issue_type.as_str(), self.now);
        let earlier = self.teller.solved.iter().rev();
        let known: Vec<usize> =
            earlier.filter(|(of, at, _)| *of == issue && *at < now).map(|(.., ticket)| *ticket).take(6).collect();
        if !self.teller.dice.percent(45) {
            return false;
        }
        let Some(case) = self.teller.dice.of(&known).copied() else { return false };
        let pause = self.minutes(1, 10);
        self.then(pause, agent, Act::Cite(case));
        true
    }

    fn rate(&mut self, requester: &str) {
        if !self.teller.dice.percent(55) {
            return;
        }
        let score = match self.teller.dice.between(1, 100) {
            1..=55 => 5,
            56..=82 => 4,
            83..=92 => 3,
            93..=97 => 2,
            _ => 1,
        };
        let comment = match (score, self.chinese) {
            (5, true) => Some("处理很快，谢谢！"),
            (5, false) => Some("Quick and friendly, thank you."),
            (1 | 2, true) => Some("等待时间太长。"),
            (1 | 2, false) => Some("It took too long."),
            _ => None,
        };
        let pause = self.minutes(5, 600);
        self.then(pause, requester, Act::Rate(score, comment.map(str::to_owned)));
    }

    fn resolve(&mut self, after: Duration, agent: &str) {
        let scenario = self.scenario;
        let Some(resolution) = self.text(&scenario.resolutions) else { return };
        let attribution = AttributionGiven {
            fault_type: scenario.fault,
            root_cause_level: scenario.level,
            cause_tag: scenario.cause.clone(),
            solution_tags: scenario.tags.clone(),
            resolution,
        };
        self.then(after, agent, Act::Resolve(attribution));
    }
}
