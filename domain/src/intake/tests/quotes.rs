//! What people wrote themselves, and the quoted message below.

use super::super::model::Message;
use super::{PASSED, by_mail, mail};

fn reply(headers: &[&str], text: &str) -> Message {
    by_mail(&mail(&[PASSED], headers, text)).unwrap().message.unwrap()
}

const REPLY: [&str; 2] = ["Subject: Re: 水泵", "In-Reply-To: <a@desk.test>"];

/// How mail programs begin the quoted message.
const INTRODUCTIONS: [&str; 34] = [
    "On Mon, Nov 30, 2026 at 10:00 AM Buoy <buoy@desk.test> wrote:\n> 请确认",
    "On Mon, Nov 30, 2026 at 10:00 AM Buoy Service Desk\n<buoy@desk.test> wrote:\n\n> 请确认\n>\n> 谢谢",
    "On 30 Nov 2026, at 10:00, Buoy <buoy@desk.test> wrote:\n\n请确认",
    "Buoy wrote:\n> 请确认",
    "Buoy <buoy@desk.test> 于2026年11月30日周一 10:00写道：\n> 请确认",
    "在 2026年11月30日 10:00，Buoy <buoy@desk.test> 写道：\n> 请确认",
    "在 2026-11-30 10:00:00，\"Buoy\" <buoy@desk.test> 写道：\n请确认\n谢谢",
    "> On Nov 30, 2026, at 10:00, Buoy <buoy@desk.test> wrote:\n> \n> 请确认",
    "> 在 2026年11月30日，上午10:00，Buoy <buoy@desk.test> 写道：\n> \n> 请确认",
    "-------- 原始信息 --------\n发件人： Buoy\n请确认",
    "在 2026年11月30日，Buoy 写道\n> 请确认",
    "2026年11月30日 10:00，Buoy 写道：\n> 请确认",
    "于 2026/11/30 10:00, Buoy 写道:\n> 请确认",
    "Le lun. 30 nov. 2026 à 10:00, Buoy <buoy@desk.test> a écrit :\n> 请确认",
    "Am 30.11.2026 um 10:00 schrieb Buoy:\n> 请确认",
    "El 30/11/2026 10:00, Buoy escribió:\n> 请确认",
    "2026年11月30日(月) 10:00 Buoy <buoy@desk.test>:\n> 请确认",
    "-----Original Message-----\nFrom: Buoy\n请确认",
    "----- Original Message -----\n请确认",
    "-----原始邮件-----\n发件人: Buoy\n请确认",
    "----- 原始邮件 -----\n请确认",
    "------------------ 原始邮件 ------------------\n发件人: \"Buoy\"<buoy@desk.test>;\n发送时间: 2026年11月30日(星期一) 上午10:00\n收件人: \"李雷\"<li.lei@acme.example>;\n主题: 水泵\n\n请确认",
    "------------------ Original ------------------\nFrom: \"Buoy\"<buoy@desk.test>;\n请确认",
    "------------------\u{a0}原始邮件\u{a0}------------------\n请确认",
    "---- 回复的原邮件 ----\n请确认",
    "-----Ursprüngliche Nachricht-----\n请确认",
    "From: Buoy <buoy@desk.test>\nSent: Monday, November 30, 2026 10:00 AM\nTo: Li Lei <li.lei@acme.example>\nSubject: 水泵\n\n请确认",
    "________________________________\nFrom: Buoy <buoy@desk.test>\nSent: Monday, November 30, 2026 10:00 AM\nTo: Li Lei\nCc: Han\nSubject: 水泵\n\n请确认",
    "发件人: Buoy <buoy@desk.test>\n发送时间: 2026年11月30日 10:00\n收件人: 李雷\n抄送: 韩梅梅\n主题: 水泵\n\n请确认",
    "发件人： Buoy\n发送时间： 2026-11-30 10:00\n收件人： 李雷\n主题： Re: 水泵\n请确认",
    "------------------------------------------------------------------\n发件人：Buoy <buoy@desk.test>\n日　期：2026年11月30日 10:00:00\n收件人：李雷<li.lei@acme.example>\n主　题：水泵\n\n请确认",
    "寄件者: Buoy\n寄件日期: 2026年11月30日\n收件者: 李雷\n主旨: 水泵\n\n请确认",
    "*From:* Buoy <buoy@desk.test>\n*Sent:* Monday\n*To:* Li\n*Subject:* 水泵\n\n请确认",
    "Von: Buoy\nGesendet: Montag, 30. November 2026 10:00\nAn: Li\nBetreff: 水泵\n\n请确认",
];

#[test]
fn only_what_mail_programs_write_begins_a_quote_and_nothing_is_lost() {
    for quote in INTRODUCTIONS {
        let text = format!("已更换\n再观察一天\n\n{quote}\n");
        let message = reply(&REPLY, &text);
        assert_eq!(message.own_text.as_deref(), Some("已更换\n再观察一天"), "{quote}");
        assert_eq!(message.quoted_text.as_deref(), Some(quote), "what is folded is kept");
        assert_eq!(message.description, text.trim(), "the whole is kept");
        // Markup and encoding make no difference.
        let crlf = reply(&REPLY, &text.replace('\n', "\r\n"));
        assert_eq!(crlf.own_text, message.own_text, "{quote}");
    }
    // What is no reply has nothing to fold, and what is forwarded is what its author wants to show.
    for headers in [
        &["Subject: 水泵"][..],
        &["Subject: FW: 水泵", "In-Reply-To: <a@desk.test>"],
        &["Subject: 转发：水泵", "References: <a@desk.test>"],
    ] {
        for quote in INTRODUCTIONS {
            let text = format!("请看下面\n\n{quote}");
            let message = reply(headers, &text);
            assert_eq!((message.own_text.as_deref(), message.quoted_text), (Some(text.as_str()), None), "{headers:?}");
        }
    }
    for headers in [&["Subject: Re: 水泵"][..], &["Subject: 答复：水泵"], &["Subject: x", "References: <a@desk.test>"]]
    {
        assert_eq!(reply(headers, "好\n\nBuoy wrote:\n> 请确认").own_text.as_deref(), Some("好"), "{headers:?}");
    }
}

#[test]
fn what_people_write_between_or_like_quotes_is_theirs() {
    for text in [
        "报警代码如下：\n> E-721\n> E-722",
        "The codes are:\n\n> E-721\n> E-722",
        "E-721\n> E-722",
        "> 请确认\n\n已更换，见下",
        "见下\n\n> On Nov 30, 2026, at 10:00, Buoy <buoy@desk.test> wrote:\n> 型号？\nX-200",
        "On Mon, Nov 30, 2026 at 10:00 AM Buoy <buoy@desk.test> wrote:\n> 型号？\n\nX-200\n\n> 数量？\n\n3 台",
        "见下\n\nOn Mon, Nov 30, 2026 at 10:00 AM Buoy <buoy@desk.test> wrote:\n> 型号？\n\nX-200",
        "日志在 2026年11月30日写道：\nE-721 停机",
        "泵的铭牌写道：\nX-200",
        "步骤如下：\n1. 关机\n2. 重启",
        "-- Original Equipment 已停产\n请换",
        "________________________________\n型号\t数量\nX-200\t3",
        "From: 上海\nTo: 苏州\n请改送",
        "主题: 换泵\n收件人: 仓库\n请改送",
        "Sent from my iPhone",
        "Buoy wrote:",
    ] {
        let message = reply(&REPLY, text);
        assert_eq!((message.own_text.as_deref(), message.quoted_text.as_deref()), (Some(text), None));
    }
    let mobile = "好\n\nSent from my iPhone\n\nOn Nov 30, 2026, at 10:00, Buoy <buoy@desk.test> wrote:\n\n> 请确认";
    assert_eq!(reply(&REPLY, mobile).own_text.as_deref(), Some("好\n\nSent from my iPhone"));
}

#[test]
fn markup_shows_where_a_quote_begins() {
    let headers = ["Subject: Re: 水泵", "In-Reply-To: <a@desk.test>", "Content-Type: text/html; charset=utf-8"];
    for (html, own) in [
        (
            "<div dir=ltr>已更换</div><br><div class=\"gmail_quote\"><div dir=\"ltr\" class=\"gmail_attr\">On Mon, Nov 30, 2026 Buoy &lt;<a href=\"mailto:buoy@desk.test\">buoy@desk.test</a>&gt; wrote:<br></div><blockquote class=\"gmail_quote\" style=\"margin:0\"><p>请确认</p><p>谢谢</p></blockquote></div>",
            "已更换",
        ),
        ("<p>已更换</p><div class=\"gmail_quote\">请确认</div>", "已更换"),
        ("<p>已更换</p><div class=gmail_quote>On Monday, Buoy wrote:<blockquote>请确认</blockquote></div>", "已更换"),
        (
            "<div>已更换</div><div id=\"appendonsend\"></div><hr><div id=\"divRplyFwdMsg\"><b>From:</b> Buoy<br><b>Subject:</b> x</div><div>请确认</div>",
            "已更换",
        ),
        ("<div>已更换</div><hr tabindex=-1><div id=\"x_divRplyFwdMsg\">请确认</div><div>谢谢</div>", "已更换"),
        (
            "<p class=MsoNormal>已更换</p><div class=OutlookMessageHeader dir=ltr>From: Buoy</div><p>请确认</p>",
            "已更换",
        ),
        (
            "<p>已更换</p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p><b>From:</b> Buoy &lt;buoy@desk.test&gt;<br><b>Sent:</b> Monday<br><b>To:</b> Li<br><b>Subject:</b> x</p></div></div><p>请确认</p>",
            "已更换",
        ),
        (
            "<div>已更换</div><div class=\"moz-cite-prefix\">On 30.11.2026 Buoy wrote:<br></div><blockquote type=\"cite\" cite=\"mid:a@desk.test\">请确认</blockquote>",
            "已更换",
        ),
        ("<div>已更换</div><blockquote type=cite><div>请确认</div></blockquote>", "已更换"),
        (
            "<div>已更换</div><div><br></div><div style=\"font-size: 12px\">------------------&nbsp;原始邮件&nbsp;------------------</div><div><b>发件人:</b> Buoy</div><div>请确认</div>",
            "已更换",
        ),
        (
            "<div>已更换</div><blockquote id=\"isReplyContent\">在 2026-11-30，Buoy 写道：<p>请确认</p></blockquote>",
            "已更换",
        ),
        (
            "<style>p { color: red }</style><!-- <p>x</p> --><p>已更换</p><p>On Monday, Buoy wrote:</p><blockquote>请确认</blockquote>",
            "已更换",
        ),
        (
            "<div>已更换</div><blockquote style=\"margin: 0 0 0 .8ex; border-left: 1px solid\">请确认</blockquote>",
            "已更换",
        ),
        (
            "<div>已更换</div><hr><blockquote><div><b>发件人：</b> Buoy</div><div><b>发送时间：</b> 2026-11-30</div><div><b>主题：</b> 水泵</div><div>请确认</div></blockquote>",
            "已更换",
        ),
        // Their own: indented text, answers between and below.
        ("<p>报警代码如下：</p><blockquote>E-721<br>E-722</blockquote>", "报警代码如下：\n\n> E-721\n> E-722"),
        (
            "<p>已换的部件</p><blockquote style=\"margin:0 0 0 40px;border:none;padding:0px\">密封圈<br>轴承</blockquote>",
            "已换的部件\n\n> 密封圈\n> 轴承",
        ),
        ("<p>见下</p><blockquote>型号？</blockquote><p>X-200</p>", "见下\n\n> 型号？\nX-200"),
        ("<p>见下</p><blockquote type=cite>型号？</blockquote><p>X-200</p>", "见下\n\n> 型号？\nX-200"),
        (
            "<div>见下</div><div class=gmail_quote><div class=gmail_attr>On Monday, Buoy wrote:</div><blockquote class=gmail_quote>型号？</blockquote><div>X-200</div><blockquote class=gmail_quote>数量？</blockquote><div>3 台</div></div>",
            "见下\nOn Monday, Buoy wrote:\n> 型号？\nX-200\n> 数量？\n3 台",
        ),
    ] {
        let message = reply(&headers, html);
        assert_eq!(message.own_text.as_deref(), Some(own), "{html}");
        assert!(own != "已更换" || message.quoted_text.unwrap().contains("请确认"), "{html}");
        assert!(message.description.contains(own.lines().last().unwrap()));
        // The same is no reply: all of it is the author's.
        let first = reply(&["Subject: 水泵", headers[2]], html);
        assert_eq!((first.own_text, first.quoted_text), (Some(first.description), None), "{html}");
    }
}

#[test]
fn markup_becomes_text_and_hides_nothing_that_was_written() {
    let headers = ["Subject: 水泵", "Content-Type: text/html; charset=utf-8"];
    for (html, text) in [
        ("<p>一</p><p>二<br>三</p>", "一\n\n二\n三"),
        ("<div>一</div><div>二</div>", "一\n二"),
        ("<table><tr><td>型号</td><td>X-200</td></tr><tr><td>数量</td><td>3</td></tr></table>", "型号 X-200\n数量 3"),
        ("<ul><li>一</li><li>二</li></ul>", "一\n二"),
        ("a &lt; b &amp;&amp; c &gt; d&nbsp;&#20013;&#x6587; &unknown; AT&T", "a < b && c > d 中文 &unknown; AT&T"),
        ("温度 < 5 度 <b>停机</b>", "温度 < 5 度 停机"),
        ("<pre>E-721   3\n  E-722</pre>", "E-721   3\n  E-722"),
        ("<head><title>x</title><style>a{}</style></head><body>停机<script>x()</script></body>", "停机"),
        ("<style>never closed <p>停机</p>", "never closed\n停机"),
        ("<!-- never closed <p>停机</p>", "never closed\n停机"),
        ("<img alt=\"a > b\" src='x'>停机", "停机"),
        ("停机<br", "停机<br"),
    ] {
        assert_eq!(reply(&headers, html).description, text, "{html}");
    }
    // A mail without HTML of its own is read in time, however deep or broken it is.
    for broken in ["<div>", "<style>", "<!--", "<a x=\"", "</p", "&", "<blockquote>x", "<blockquote type=cite>x<br>"] {
        reply(&["Subject: Re: x", headers[1]], &(broken.repeat(50_000) + "停机"));
    }
}
