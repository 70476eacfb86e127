//! Enums that mirror those of the domain: SLA, notifications, dispatch, escalation, knowledge and suggestions.

use async_graphql::Enum;
use domain::{dispatch, escalation, knowledge, notifications, recommend, sla};

use super::scalars::mirror;

mirror! {
    /// What an SLA clock measures.
    SlaMetric of sla::model::SlaMetric {
        /// The time until somebody on the responsible side first responds.
        FirstResponse,
        /// The time until the ticket is resolved.
        Resolution,
    }
}

mirror! {
    /// The state of an SLA clock.
    SlaState of sla::model::State {
        /// Time is counting.
        Running,
        /// The ticket is waiting, so time does not count.
        Paused,
        /// The target was met.
        Met,
        /// The target was missed.
        Breached,
    }
}

mirror! {
    /// What happened to an SLA clock.
    SlaTimelineKind of sla::model::TimelineEntryKind {
        /// The clock started.
        Started,
        /// The ticket is waiting, cancelled or resolved: time no longer counts.
        Paused,
        /// Time counts again.
        Resumed,
        /// The ticket changed, so another policy applies, from the same start.
        Aimed,
        /// People were warned that the target may be missed.
        #[graphql(name = "RISK_TOLD")]
        RiskNotified,
        /// The target was missed.
        Breached,
        /// People were notified of the breach.
        #[graphql(name = "BREACH_TOLD")]
        BreachNotified,
        /// Done in time; nothing fires.
        Met,
        /// Done after the target.
        MissedEnd,
    }
}

mirror! {
    /// A channel by which people are notified.
    Channel of notifications::model::Channel {
        /// The web app, or the to-do widget on another page.
        Web,
        /// WeCom 企业微信.
        Wecom,
        /// DingTalk 钉钉.
        Dingtalk,
        /// Feishu 飞书.
        Feishu,
        /// Web Push to a browser, also on a phone.
        WebPush,
        /// E-mail.
        Email,
        /// SMS.
        Sms,
    }
}

mirror! {
    /// The state of a notification: that of the delivery that got furthest.
    NotificationState of notifications::model::State {
        /// Created, but no channel to the recipient is known.
        Decided,
        /// Queued or being sent.
        Queued,
        /// Handed over to the channel.
        Sent,
        /// The channel confirmed delivery.
        Delivered,
        /// The recipient opened the page that it links to.
        Opened,
        /// All deliveries failed.
        Failed,
        /// Unknown: sending was interrupted by a restart, so it may or may not have been sent.
        Unknown,
    }
}

mirror! {
    /// The state of one delivery of a notification.
    DeliveryState of notifications::model::DeliveryState {
        /// Waiting to be sent.
        Queued,
        /// Being sent.
        Sending,
        /// Handed over to the channel.
        Sent,
        /// The channel confirmed delivery.
        Delivered,
        /// Rejected, or all attempts failed.
        Failed,
        /// Unknown: sending was interrupted by a restart, so it may or may not have been sent.
        Unknown,
        /// Not sent, because the recipient had already seen the notification.
        Unneeded,
    }
}

mirror! {
    /// Why a person is notified.
    NotificationCause of notifications::model::Cause {
        /// A ticket was assigned to the person.
        Assigned,
        /// The first level of an escalation fired.
        Escalation1,
        /// The second level of an escalation fired.
        Escalation2,
        /// The third level of an escalation fired.
        Escalation3,
        /// The person was mentioned in a comment.
        Mention,
        /// A comment was added to a ticket of theirs.
        Comment,
        /// An SLA clock is about to miss its target.
        SlaRisk,
        /// A problem that needs an administrator, such as an expiring credential or a failing gateway.
        Credential,
        /// A digest of several messages that a channel's rate limit held back.
        Digest,
        /// No suitable person was found; the ticket waits in the team's queue.
        TeamQueue,
        /// A knowledge update: a new card, a knowledge gap or a monthly report.
        Knowledge,
        /// A forecast.
        Prediction,
        /// A survey about a closed ticket of theirs.
        Survey,
        /// A system reported a status that waits for the person's action.
        PendingReport,
        /// A submission of theirs was released from quarantine and is now a ticket.
        Released,
        /// Another account proved that a contact address of theirs is its own, so it was removed from them.
        ContactMethod,
        /// Their request became a ticket.
        Receipt,
        /// Somebody has their ticket now.
        Progress,
        /// Their ticket waits for them.
        Waiting,
        /// Their ticket was resolved.
        Resolved,
        /// A ticket was reopened.
        Reopened,
        /// A ticket was cancelled.
        Cancelled,
        /// The requester of their ticket asked again.
        Chased,
        /// They asked again about their ticket, and it was passed on.
        ChaseAnswer,
        /// A ticket that they follow or work on was changed.
        Updated,
        /// An SLA clock missed its target.
        SlaBreached,
        /// Somebody with open tickets is absent or has left.
        OwnerGone,
        /// The answer to what they wrote by a chat.
        ChannelAnswer,
    }
}

mirror! {
    /// How a person wants to hear of a cause.
    NotificationWay of notifications::model::ChosenWay {
        /// In the web app alone.
        App,
        /// In a digest, once an hour.
        Digest,
        /// By WeCom 企业微信.
        Wecom,
        /// By DingTalk 钉钉.
        Dingtalk,
        /// By Feishu 飞书.
        Feishu,
        /// As a notification of the browser.
        WebPush,
        /// By e-mail.
        Email,
        /// By SMS.
        Sms,
    }
}

mirror! {
    /// Why nobody has responded to a ticket.
    UnseenReason of notifications::model::UnseenReason {
        /// No message was sent.
        NeverSent,
        /// A message was sent but not delivered, on a channel that confirms delivery.
        NotDelivered,
        /// A message was sent, but the channel does not say whether it was delivered.
        DeliveryUnknown,
        /// A message was delivered but not opened.
        NotOpened,
        /// It was opened, but nobody responded.
        OpenedAndLeft,
        /// Nobody is assigned.
        NobodyAssigned,
    }
}

mirror! {
    /// The state of a level of escalation.
    EscalationState of escalation::model::State {
        /// It has not fired yet.
        Planned,
        /// It fired.
        Fired,
        /// After downtime a higher level fired instead.
        Skipped,
        /// It will not fire: somebody responded first, or the ticket was reassigned, resolved or changed.
        Stopped,
    }
}

mirror! {
    /// The clock by which levels of escalation are timed.
    EscalationClock of escalation::model::Measure {
        /// Around the clock.
        AroundTheClock,
        /// The assignee's working hours.
        WorkingHours,
    }
}

mirror! {
    /// The kind of a problem found in a dry run of an escalation policy.
    #[graphql(name = "RehearsalFindingKind")]
    SimulationFindingKind of escalation::model::FindingKind {
        /// A level reaches nobody.
        EmptyLevel,
        /// The level reaches this person on none of its channels.
        UnreachablePerson,
        /// This person has no supervisor who could be notified at level 2.
        NoSupervisor,
        /// Only this person has the skill: level 3 cannot reassign.
        SingleSkillHolder,
        /// No sender is configured for any of the level's channels.
        NoSender,
    }
}

mirror! {
    /// The language of notifications.
    MessageLanguage of domain::kernel::Locale {
        /// Simplified Chinese (zh-CN).
        #[graphql(name = "CHINESE")]
        ZhCn,
        /// English (en).
        #[graphql(name = "ENGLISH")]
        En,
    }
}

mirror! {
    /// The state of a knowledge card.
    KnowledgeCardState of knowledge::model::CardState {
        /// Created automatically, or changed since it was last approved.
        Draft,
        /// The text is approved, but not published.
        Reviewed,
        /// Published: in use.
        Published,
        /// Retired: out of use.
        Retired,
    }
}

mirror! {
    /// What was done with a suggested case.
    SuggestionState of recommend::model::SuggestionState {
        /// Shown with the assignment; nobody has cited or dismissed it yet.
        Shown,
        /// Its solution, or that of its card, was copied into the ticket.
        Cited,
        /// Dismissed as not helpful: it is no longer shown for this ticket.
        Dismissed,
    }
}

mirror! {
    /// Why a suggested case does not help.
    DismissalReason of recommend::model::DismissalReason {
        /// It is a different problem.
        NotSimilar,
        /// The problem is the same, but the solution does not help here.
        DoesNotHelp,
        /// The solution is outdated.
        Outdated,
        /// Another reason.
        Other,
    }
}

mirror! {
    /// Why a ticket requires a skill.
    SkillSource of dispatch::model::SkillSource {
        /// It was given with the ticket.
        Given,
        /// The ticket's issue type requires it.
        IssueType,
        /// The ticket's product requires it.
        Product,
    }
}
