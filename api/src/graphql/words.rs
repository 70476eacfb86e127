//! Enums of the capabilities that see to it that nothing sinks, and how they stand for the domain's words.

use async_graphql::Enum;
use domain::{escalation, knowledge, notifications, recommend, sla};

use super::scalars::mirror;

mirror! {
    /// What an SLA clock measures.
    SlaMetric of sla::model::SlaMetric {
        /// Until somebody of the responsible side first responds.
        FirstResponse,
        /// Until it is resolved.
        Resolution,
    }
}

mirror! {
    /// How an SLA clock stands.
    SlaState of sla::model::State {
        /// Its time runs.
        Running,
        /// The ticket waits: its time does not count.
        Paused,
        /// Done in time.
        Met,
        /// Its target has passed.
        Breached,
    }
}

mirror! {
    /// What happened to an SLA clock.
    SlaTimelineKind of sla::model::EntryKind {
        /// It began.
        Started,
        /// The ticket waits, was cancelled or solved: time counts no more.
        Paused,
        /// Time counts again.
        Resumed,
        /// The ticket changed: measured by another policy, from the same beginning.
        Aimed,
        /// People were told that it may be missed.
        RiskTold,
        /// The target passed.
        Breached,
        /// People were told that it was missed.
        BreachTold,
        /// Done in time: nothing fires.
        Met,
        /// Done, behind the target.
        MissedEnd,
    }
}

mirror! {
    /// A way by which people are told.
    Channel of notifications::model::Channel {
        /// A page of Buoy: the web app, the float on another page.
        Web,
        /// WeCom 企业微信.
        Wecom,
        /// DingTalk 钉钉.
        Dingtalk,
        /// Feishu 飞书.
        Feishu,
        /// A push to a browser, on a phone too.
        WebPush,
        /// E-mail.
        Email,
        /// SMS.
        Sms,
    }
}

mirror! {
    /// What came of a notification, by its best way.
    NotificationState of notifications::model::State {
        /// Decided; no way to the person is known.
        Decided,
        /// On its way.
        Queued,
        /// Handed to the channel.
        Sent,
        /// The channel says that it arrived.
        Delivered,
        /// The person has loaded the page that it leads to.
        Opened,
        /// Every way failed.
        Failed,
        /// In flight when the process ended: nobody knows.
        Unknown,
    }
}

mirror! {
    /// What came of one way of a notification.
    DeliveryState of notifications::model::DeliveryState {
        /// Waits for its turn.
        Queued,
        /// Being handed over.
        Sending,
        /// Handed to the channel.
        Sent,
        /// The channel says that it arrived.
        Delivered,
        /// Refused, or tried in vain.
        Failed,
        /// In flight when the process ended: nobody knows.
        Unknown,
        /// The person had seen it already.
        Unneeded,
    }
}

mirror! {
    /// Why somebody is told.
    NotificationCause of notifications::model::Cause {
        /// A ticket was assigned to them.
        Assigned,
        /// The first level of escalation.
        Escalation1,
        /// The second level of escalation.
        Escalation2,
        /// The third level of escalation.
        Escalation3,
        /// Somebody mentions them.
        Mention,
        /// Somebody wrote to a ticket of theirs.
        Comment,
        /// An SLA clock may be missed.
        SlaRisk,
        /// Buoy itself needs somebody.
        Credential,
        /// Several messages that a channel's limit held back.
        Digest,
        /// A ticket found nobody and waits in the team's queue.
        TeamQueue,
        /// Something was learned.
        Knowledge,
        /// Something is foreseen.
        Prediction,
        /// A ticket of theirs is closed: how content are they?
        Survey,
        /// A system reported a step that waits for them.
        PendingReport,
        /// What somebody sent was held by a fault, and is a ticket now.
        Released,
    }
}

mirror! {
    /// Why nobody has answered a ticket.
    UnseenReason of notifications::model::UnseenReason {
        /// No message has left.
        NeverSent,
        /// A message left and has not arrived, on a channel that would say so.
        NotDelivered,
        /// A message left; whether it arrived nobody knows.
        DeliveryUnknown,
        /// A message arrived and was not opened.
        NotOpened,
        /// Opened, and left without an answer.
        OpenedAndLeft,
        /// It is nobody's.
        NobodyAssigned,
    }
}

mirror! {
    /// How a level of escalation stands.
    EscalationState of escalation::model::State {
        /// Still to come.
        Planned,
        /// Fired.
        Fired,
        /// A higher level fired in its place, after downtime.
        Skipped,
        /// Somebody answered before.
        Stopped,
    }
}

mirror! {
    /// By which time levels of escalation are measured.
    EscalationClock of escalation::model::Measure {
        /// Day and night.
        AroundTheClock,
        /// The assignee's working hours.
        WorkingHours,
    }
}

mirror! {
    /// What is wrong with a policy, tried on the roster.
    RehearsalFindingKind of escalation::model::FindingKind {
        /// A level reaches nobody.
        EmptyLevel,
        /// A level reaches this person by none of its channels.
        UnreachablePerson,
        /// Nobody would be told at the second level of this person's tickets.
        NoSupervisor,
        /// One person only has this skill: the third level finds nobody else.
        SingleSkillHolder,
        /// For none of a level's channels a sender is configured.
        NoSender,
    }
}

mirror! {
    /// A language of messages.
    MessageLanguage of notifications::model::Tongue {
        /// zh-CN.
        Chinese,
        /// en.
        English,
    }
}

mirror! {
    /// Where a knowledge card stands.
    KnowledgeCardState of knowledge::model::CardState {
        /// Made by itself, or changed since somebody vouched for it.
        Draft,
        /// Somebody vouches for its text.
        Reviewed,
        /// In use.
        Published,
        /// Out of use.
        Retired,
    }
}

mirror! {
    /// What became of a case that was shown for a ticket.
    SuggestionState of recommend::model::SuggestionState {
        /// With the assignment; nobody has said anything of it.
        Shown,
        /// Its solution, or that of its card, was copied into the ticket.
        Cited,
        /// It does not help: it is shown for this ticket no more.
        Dismissed,
    }
}

mirror! {
    /// Why a case does not help.
    DismissalReason of recommend::model::DismissalReason {
        /// It is another problem.
        NotSimilar,
        /// The problem is the same, its solution does not help here.
        DoesNotHelp,
        /// It was right once.
        Outdated,
        /// Anything else.
        Other,
    }
}
