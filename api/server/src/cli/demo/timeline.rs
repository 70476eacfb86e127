//! Ninety days of tickets: the steps are generated from the scenarios, then executed in order of time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::kernel::{Actor, Clock as _, ManualClock, Role, TicketId, Timestamp, days, hours, minutes};
use domain::knowledge::model::CiteSolution;
use domain::runtime::{App, Command, Ctx};
use domain::satisfaction::model::RateTicket;
use domain::tickets::model::{
    AcceptTicket, AddComment, AssignTicket, AttributionDetails, CancelTicket, ChaseTicket, CloseTicket, CreateTicket,
    ExternalRef, OpenTicket, Priority, ReopenTicket, ResolveTicket, SetWaiting, Visibility,
};
use jiff::tz::TimeZone;

use super::scenarios::{Person, Scenario, Scenarios};
use super::systems::create_ticket;
use crate::node::StartupError;

/// Resolved tickets are closed automatically after this time.
const AUTO_CLOSE_AFTER: Duration = days(7);
/// Many tickets of this last period stay open.
const RECENT: Duration = days(7);
/// Mean number of new tickets on a working day and on a weekend day.
const WORKDAY_ARRIVALS: u64 = 6;
const WEEKEND_ARRIVALS: u64 = 1;
const CHANNELS: [&str; 8] = ["web", "web", "web", "wecom", "wecom", "email", "dingtalk", "api"];

/// A deterministic random generator: splitmix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    fn percent(&mut self, share: u64) -> bool {
        self.between(1, 100) <= share
    }

    /// `None` if there are no choices.
    fn choose<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        let place = usize::try_from(self.next()).unwrap_or_default().checked_rem(choices.len())?;
        choices.get(place)
    }
}

/// What happens in a step. People are identified by login.
enum Action {
    Create(Box<CreateTicket>, &'static str),
    Open,
    Assign {
        to: String,
    },
    Accept,
    Comment(String, Visibility),
    Wait(String),
    Chase,
    /// The solution of an earlier ticket, by its number in the timeline.
    Cite(usize),
    Resolve(AttributionDetails),
    Close,
    Rate(i32, Option<String>),
    Reopen(String),
    Cancel(String),
}

struct Step {
    at: Timestamp,
    ticket: usize,
    /// `None`: the system.
    by: Option<String>,
    action: Action,
}

pub(super) struct Timeline {
    steps: Vec<Step>,
    tickets: usize,
}

impl Timeline {
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    pub fn tickets(&self) -> usize {
        self.tickets
    }

    pub fn generate(scenarios: &Scenarios, from: Timestamp, until: Timestamp, zone: &TimeZone) -> Self {
        let mut generator = Generator {
            scenarios,
            until,
            zone,
            random: Random(2026),
            steps: Vec::new(),
            tickets: 0,
            solved: Vec::new(),
            recent_from: until - RECENT,
        };
        let mut day = from;
        while day < until {
            let weekday = day.to_jiff().to_zoned_datetime(zone.clone()).weekday();
            let is_weekend = matches!(weekday, jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday);
            for _ in 0..if is_weekend {
                WEEKEND_ARRIVALS
            } else {
                generator.random.between(WORKDAY_ARRIVALS - 2, WORKDAY_ARRIVALS + 2)
            } {
                generator.add_ticket(day);
            }
            day = day + days(1);
        }
        // Tickets of the last half hour, so that the board shows something new.
        for ago in [26, 11, 4] {
            generator.add_ticket_at(until - minutes(ago));
        }
        let Generator { mut steps, tickets, .. } = generator;
        steps.sort_by_key(|step| step.at);
        Self { steps, tickets }
    }

    /// Executes the steps in order of time; `on_progress` gets the number of steps done.
    pub async fn play(
        self,
        app: &Arc<App>,
        clock: &ManualClock,
        scenarios: &Scenarios,
        mut on_progress: impl FnMut(usize),
    ) -> Result<(), StartupError> {
        let actors = scenarios.create_master_data(app).await?;
        let mut tickets = HashMap::new();
        for (place, step) in self.steps.into_iter().enumerate() {
            let ahead = step.at.millis() - clock.now().millis();
            clock.advance(Duration::from_millis(u64::try_from(ahead).unwrap_or(0)));
            let result = execute(app, &actors, &mut tickets, &step).await;
            result.map_err(|e| StartupError(format!("the demo's step {place} at {}: {e}", step.at)))?;
            on_progress(place + 1);
        }
        Ok(())
    }
}

async fn execute(
    app: &Arc<App>,
    actors: &HashMap<String, Actor>,
    tickets: &mut HashMap<usize, TicketId>,
    step: &Step,
) -> domain::kernel::Result<()> {
    let actor = step.by.as_ref().and_then(|login| actors.get(login)).cloned().unwrap_or(Actor::System);
    let channel = if let Action::Create(_, channel) = step.action { channel } else { "web" };
    let cx = Ctx { actor, channel, ..Ctx::system(app) };
    if let Action::Create(command, _) = &step.action {
        tickets.insert(step.ticket, create_ticket(&cx, command).await?);
        return Ok(());
    }
    let Some(ticket) = tickets.get(&step.ticket).copied() else { return Ok(()) };
    let expected_version = None;
    match &step.action {
        Action::Create(..) => Ok(()),
        Action::Open => run(&cx, OpenTicket { ticket }).await,
        Action::Assign { to } => {
            let Some(assignee) = actors.get(to).and_then(Actor::user_id) else { return Ok(()) };
            run(&cx, AssignTicket { ticket, assignee, expected_version }).await
        }
        Action::Accept => run(&cx, AcceptTicket { ticket, expected_version }).await,
        Action::Comment(body, visibility) => {
            run(&cx, AddComment { ticket, body: body.clone(), visibility: *visibility, mentions: Vec::new() }).await
        }
        Action::Wait(reason) => run(&cx, SetWaiting { ticket, reason: reason.clone(), expected_version }).await,
        Action::Chase => run(&cx, ChaseTicket { ticket }).await,
        Action::Resolve(attribution) => {
            run(&cx, ResolveTicket { ticket, attribution: attribution.clone(), expected_version }).await
        }
        Action::Cite(earlier) => {
            let Some(case) = tickets.get(earlier).copied() else { return Ok(()) };
            run(&cx, CiteSolution { ticket, case: Some(case), card: None }).await
        }
        Action::Rate(score, comment) => run(&cx, RateTicket { ticket, score: *score, comment: comment.clone() }).await,
        Action::Close => run(&cx, CloseTicket { ticket, expected_version }).await,
        Action::Reopen(reason) => run(&cx, ReopenTicket { ticket, reason: reason.clone(), expected_version }).await,
        Action::Cancel(reason) => run(&cx, CancelTicket { ticket, reason: reason.clone(), expected_version }).await,
    }
}

async fn run<C: Command>(cx: &Ctx, command: C) -> domain::kernel::Result<()> {
    cx.execute(&command, None).await.map(drop)
}

/// Generates all tickets.
struct Generator<'s> {
    scenarios: &'s Scenarios,
    until: Timestamp,
    recent_from: Timestamp,
    zone: &'s TimeZone,
    random: Random,
    steps: Vec<Step>,
    tickets: usize,
    /// Finally solved tickets: issue type, time, number.
    solved: Vec<(&'s str, Timestamp, usize)>,
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

fn speaks_chinese(person: &Person) -> bool {
    !matches!(person.customer.as_deref(), Some("NORTHWIND" | "BAYMOTORS"))
}

impl Generator<'_> {
    /// Adds a ticket at a random hour of the day.
    fn add_ticket(&mut self, day: Timestamp) {
        let hour = match self.random.between(1, 100) {
            1..=45 => self.random.between(8, 11),
            46..=60 => self.random.between(13, 14),
            61..=92 => self.random.between(14, 17),
            _ => self.random.between(18, 22),
        };
        let (minute, second) = (self.random.between(0, 59), self.random.between(0, 59));
        let Ok(midnight) = day.to_jiff().to_zoned_datetime(self.zone.clone()).start_of_day() else { return };
        let at = Timestamp::from_millis(midnight.timestamp().as_millisecond());
        self.add_ticket_at(at + hours(hour) + minutes(minute) + Duration::from_secs(second));
    }

    fn add_ticket_at(&mut self, created: Timestamp) {
        if created >= self.until {
            return;
        }
        let requesters = self.scenarios.people_with_role(Role::Requester);
        let Some(requester) = self.random.choose(&requesters).copied() else { return };
        let chinese = speaks_chinese(requester);
        let candidates: Vec<&Scenario> =
            self.scenarios.scenarios.iter().filter(|one| one.titles.iter().any(|t| is_chinese(t) == chinese)).collect();
        let Some(scenario) = self.random.choose(&candidates).copied() else { return };
        let ticket = self.tickets;
        self.tickets += 1;
        let mut ticket_generator = TicketGenerator::new(self, requester, scenario, ticket, created);
        ticket_generator.generate();
        let mut steps = std::mem::take(&mut ticket_generator.steps);
        // Most recent tickets are still in progress.
        if created >= self.recent_from && self.random.percent(75) {
            let count = self.random.between(1, steps.len().min(7) as u64);
            steps.truncate(usize::try_from(count).unwrap_or(1));
        }
        steps.retain(|step| step.at < self.until);
        let resolved = steps.iter().find(|step| matches!(step.action, Action::Resolve(_))).map(|step| step.at);
        if let Some(at) = resolved.filter(|_| !steps.iter().any(|step| matches!(step.action, Action::Reopen(_)))) {
            self.solved.push((scenario.issue_type.as_str(), at, ticket));
        }
        self.steps.extend(steps);
    }
}

/// Generates the steps of one ticket.
struct TicketGenerator<'g, 's> {
    generator: &'g mut Generator<'s>,
    scenario: &'s Scenario,
    requester: String,
    chinese: bool,
    numbers: [(&'static str, String); 5],
    ticket: usize,
    now: Timestamp,
    steps: Vec<Step>,
}

impl<'g, 's> TicketGenerator<'g, 's> {
    fn new(
        generator: &'g mut Generator<'s>,
        requester: &Person,
        scenario: &'s Scenario,
        ticket: usize,
        now: Timestamp,
    ) -> Self {
        let random = &mut generator.random;
        let numbers = [
            ("{line}", random.between(1, 9).to_string()),
            ("{unit}", format!("SN-{}", random.between(40_000, 49_999))),
            ("{n}", random.between(2, 9).to_string()),
            ("{code}", random.between(100, 999).to_string()),
            ("{room}", random.between(101, 420).to_string()),
        ];
        let chinese = speaks_chinese(requester);
        let requester = requester.login.clone();
        Self { generator, scenario, requester, chinese, numbers, ticket, now, steps: Vec::new() }
    }

    /// A random text, if possible in the requester's language, with its placeholders filled.
    fn pick_text(&mut self, texts: &[String]) -> Option<String> {
        let matching: Vec<&String> = texts.iter().filter(|text| is_chinese(text) == self.chinese).collect();
        let all: Vec<&String> = texts.iter().collect();
        let text = self.generator.random.choose(if matching.is_empty() { &all } else { &matching })?;
        Some(self.numbers.iter().fold((*text).clone(), |text, (placeholder, number)| text.replace(placeholder, number)))
    }

    fn said(&self, chinese: &'static str, english: &'static str) -> &'static str {
        if self.chinese { chinese } else { english }
    }

    fn push(&mut self, after: Duration, by: &str, action: Action) {
        self.now = self.now + after;
        self.steps.push(Step { at: self.now, ticket: self.ticket, by: Some(by.to_owned()), action });
    }

    fn random_minutes(&mut self, low: u64, high: u64) -> Duration {
        minutes(self.generator.random.between(low, high))
    }

    fn generate(&mut self) {
        let Some(create) = self.create() else { return };
        let requester = self.requester.clone();
        let channel = self.generator.random.choose(&CHANNELS).copied().unwrap_or("web");
        self.push(Duration::ZERO, &requester, Action::Create(Box::new(create), channel));
        if self.generator.random.percent(3) {
            let pause = self.random_minutes(10, 90);
            let reason = self.said("重复提交，已有工单在处理。", "Submitted twice; the other one goes on.");
            self.push(pause, &requester, Action::Cancel(reason.to_owned()));
            return;
        }
        let Some(mut agent) = self.pick_agent("") else { return };
        let pause = self.random_minutes(1, 25);
        self.push(pause, "supervisor", Action::Assign { to: agent.clone() });
        let is_lunch_break = self.is_lunch_break();
        let pause = if is_lunch_break { self.random_minutes(70, 150) } else { self.random_minutes(2, 35) };
        self.push(pause, &agent, Action::Open);
        let pause = self.random_minutes(1, 9);
        self.push(pause, &agent, Action::Accept);
        if self.generator.random.percent(9)
            && let Some(next) = self.pick_agent(&agent)
        {
            let pause = self.random_minutes(20, 200);
            self.push(pause, &agent, Action::Assign { to: next.clone() });
            let pause = self.random_minutes(5, 60);
            self.push(pause, &next, Action::Accept);
            agent = next;
        }
        self.conversation(&agent);
        if self.generator.random.percent(12) {
            let pause = self.random_minutes(120, 400);
            self.push(pause, &requester, Action::Chase);
        }
        let cites = self.cite(&agent);
        // A known solution takes less time.
        let pause = match self.generator.random.percent(70) {
            true if cites => self.random_minutes(5, 60),
            true => self.random_minutes(15, 240),
            false => self.random_minutes(400, 2_600),
        };
        self.resolve(pause, &agent);
        if self.generator.random.percent(5) {
            let reason = self.said("问题又出现了，和之前一样。", "It is back, just like before.");
            let pause = self.random_minutes(300, 5_000);
            self.push(pause, &requester, Action::Reopen(reason.to_owned()));
            let pause = self.random_minutes(120, 1_200);
            self.resolve(pause, &agent);
        }
        if self.generator.random.percent(60) {
            let pause = self.random_minutes(60, 4_000);
            self.push(pause, &requester, Action::Close);
            self.rate(&requester);
        } else {
            self.now = self.now + AUTO_CLOSE_AFTER;
            self.steps.push(Step { at: self.now, ticket: self.ticket, by: None, action: Action::Close });
        }
    }

    fn create(&mut self) -> Option<CreateTicket> {
        let scenario = self.scenario;
        let random = &mut self.generator.random;
        let priority = match random.between(1, 10) {
            roll if roll <= scenario.urgent / 2 => Priority::Urgent,
            roll if roll <= scenario.urgent => Priority::High,
            10 => Priority::Low,
            _ => Priority::Normal,
        };
        let refs = random.percent(20).then(|| ExternalRef {
            system: "CRM_ID".to_owned(),
            external_id: format!("C-{:05}", 10_000 + self.ticket),
        });
        Some(CreateTicket {
            title: self.pick_text(&scenario.titles)?,
            description: self.pick_text(&scenario.descriptions)?,
            priority,
            issue_type: Some(scenario.issue_type.clone()),
            product: scenario.product.clone(),
            device: scenario.product.as_ref().map(|product| format!("{product}-{:04}", self.ticket % 97)),
            customer_key: None,
            requester_email: None,
            requester: None,
            required_skills: Vec::new(),
            external_refs: refs.into_iter().collect(),
            at: None,
        })
    }

    /// A random agent of the responsible team, except for `but`.
    fn pick_agent(&mut self, but: &str) -> Option<String> {
        let team = self.generator.scenarios.team_of(&self.scenario.issue_type)?;
        let agents = self.generator.scenarios.people_with_role(Role::Agent);
        let matching: Vec<&Person> = agents
            .into_iter()
            .filter(|agent| agent.login != but && agent.teams.iter().any(|key| key == team))
            .collect();
        self.generator.random.choose(&matching).map(|agent| agent.login.clone())
    }

    /// Responses are slow between 13:00 and 14:30: the heat map shows this gap.
    fn is_lunch_break(&self) -> bool {
        let time = self.now.to_jiff().to_zoned_datetime(self.generator.zone.clone()).time();
        time.hour() == 13 || (time.hour() == 14 && time.minute() < 30)
    }

    /// A question, possibly with a waiting period, and its answer.
    fn conversation(&mut self, agent: &str) {
        if !self.generator.random.percent(55) {
            return;
        }
        let scenario = self.scenario;
        let (Some(question), Some(answer)) = (self.pick_text(&scenario.questions), self.pick_text(&scenario.answers))
        else {
            return;
        };
        let requester = self.requester.clone();
        let pause = self.random_minutes(5, 60);
        self.push(pause, agent, Action::Comment(question, Visibility::Public));
        if self.generator.random.percent(60) {
            let reason = if self.chinese { "等待客户答复" } else { "Waiting for the customer's answer" };
            self.push(minutes(1), agent, Action::Wait(reason.to_owned()));
        }
        let pause = self.random_minutes(15, 600);
        self.push(pause, &requester, Action::Comment(answer, Visibility::Public));
        if self.generator.random.percent(30) {
            let note = if self.chinese {
                "已与现场确认，备件在库。"
            } else {
                "Confirmed on site; the part is in stock."
            };
            let pause = self.random_minutes(5, 40);
            self.push(pause, agent, Action::Comment(note.to_owned(), Visibility::Internal));
        }
    }

    /// Cites the solution of a similar ticket, if there is one.
    fn cite(&mut self, agent: &str) -> bool {
        let (issue, now) = (self.scenario.issue_type.as_str(), self.now);
        let earlier = self.generator.solved.iter().rev();
        let known: Vec<usize> =
            earlier.filter(|(of, at, _)| *of == issue && *at < now).map(|(.., ticket)| *ticket).take(6).collect();
        if !self.generator.random.percent(45) {
            return false;
        }
        let Some(case) = self.generator.random.choose(&known).copied() else { return false };
        let pause = self.random_minutes(1, 10);
        self.push(pause, agent, Action::Cite(case));
        true
    }

    fn rate(&mut self, requester: &str) {
        if !self.generator.random.percent(55) {
            return;
        }
        let score = match self.generator.random.between(1, 100) {
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
        let pause = self.random_minutes(5, 600);
        self.push(pause, requester, Action::Rate(score, comment.map(str::to_owned)));
    }

    fn resolve(&mut self, after: Duration, agent: &str) {
        let scenario = self.scenario;
        let Some(resolution) = self.pick_text(&scenario.resolutions) else { return };
        let attribution = AttributionDetails {
            fault_type: scenario.fault,
            root_cause_level: scenario.level,
            cause_tag: scenario.cause.clone(),
            solution_tags: scenario.tags.clone(),
            resolution,
        };
        self.push(after, agent, Action::Resolve(attribution));
    }
}
