## kernel

not-found = 不存在，或您无权查看。
user-not-found = 用户不存在。
forbidden = 您的角色无权执行此操作。
administrator-required = 只有管理员可以执行此操作。
sign-in-required = 请先登录。
version-conflict = 您加载之后已有他人修改，请重新加载后再试。
idempotency-key-reused = 该幂等键已用于不同的输入，新的请求请使用新的键。
storage-unavailable = 系统磁盘已满或发生故障，暂时无法保存。未做任何更改，请联系系统管理员。
database-unavailable = 数据库暂时没有响应。未做任何更改，请重试。
commit-uncertain = 保存时与数据库的连接中断，更改可能已保存，也可能未保存。请使用相同的 idempotencyKey 重新提交，或先检查再重复操作。
internal-error = 服务器内部出错，未做任何更改，请稍后重试。

field-empty = { $field } 不能为空，请填写。
field-too-long = { $field } 共 { $count } 个字符，最多允许 { $max } 个。
field-control-character = { $field } 含有控制字符 U+{ $code_point }，请删除。
email-invalid = { $field } 不是有效的邮箱地址，格式应为 name@host。
id-invalid = { $argument } 不是有效的 ID，请使用相应对象的 id 字段。
id-of-wrong-kind = { $field } 不是有效的 ID，请使用相应对象的 id 字段。
overlap-hours-out-of-range = overlapHours 为 0 至 720。

filter-id-invalid = filter.{ $field }：“{ $id }”不是有效的 ID。
filter-eq-and-in-given = { $field }：eq 与 in 只能给出其一。
filter-values-too-many = { $field } 共 { $count } 个值，最多允许 { $max } 个。
page-size-out-of-range = { $argument } 必须在 1 到 { $max } 之间。
page-direction-ambiguous = first 与 last 不能同时使用，请只给出其中一个。
first-out-of-range = first 必须在 1 到 { $max } 之间。
cursor-invalid = { $argument } 不是此列表（此排序）的游标，请使用该列表 edges 中的 cursor。
event-cursor-invalid = after 不是有效的游标，请使用 boardCursor、事件或实时消息中的游标。

redacted = 已隐去

yes = 是
no = 否
list-separator = 、

## alert

alert-clock-jumped = 服务器时钟跳变 { $seconds } 秒，请检查时间同步服务（NTP）。
alert-system-disabled = { $name } 的 Webhook 长时间失败，已停用：请修复后重新启用该系统，并重发死信。
alert-signature-failing = 来自 { $name } 的提交校验失败。均已隔离保存，没有丢失：请检查并修复凭据（密钥是否已变更？），然后放行。
alert-quarantine-full = { $name } 的隔离区已满，系统已提示发送方稍后重试。请修复凭据并放行。
alert-credential-failing = { $name } 拒绝了当前凭据：该渠道的消息发送失败，正改用其他渠道。密钥是否已变更？请更新配置中的密钥并重启。
alert-credential-expiring = 凭据 { $name } { $when }到期，请及时更换：新旧密钥可并存。
alert-credential-rotated = 凭据 { $name } 的密钥已变更。如非本人操作，请立即核查。
alert-canary-lost = 通过接入渠道 { $name } 发送的探活工单未到达或核验未通过：真实请求可能正在丢失，请检查凭据与链路。
alert-gateway-silent = 接入渠道 { $name } 无数据的时长超过该时段的正常水平，请确认平台是否仍在回调。
alert-unknown-status = 系统上报了状态映射中没有的状态（{ $name }）。该上报已保留，补充映射后即生效。

## auth

auth-sign-in-throttled = 登录失败次数过多，请在 { $minutes } 分钟后重试。
auth-password-too-short = 密码至少需要 { $min } 个字符。
auth-password-too-long = 密码最多 { $max } 个字符。
auth-password-common = 这个密码太常见，攻击者会最先尝试。请换一个，例如几个互不相关的词。
auth-api-key-not-found = 密钥不存在。
auth-api-key-expiry-past = expiresAt 已经过去，请填写将来的时间，或不填。

## calendar

calendar-not-found = { $field }：没有这个日历，可用 calendars 查询已有的键。
calendar-time-zone-unknown = timeZone 不是有效的 IANA 时区，请填写如 Asia/Shanghai。
calendar-weekday-out-of-range = weekday 为 1（周一）至 7（周日）。
calendar-minutes-out-of-range = { $field }：分钟数为 0 至 2880。
calendar-ranges-invalid = { $field }：每天最多 { $max } 段，按时间先后排列且不重叠；fromMinute 为 0–1439，toMinute 须晚于它且不超过 2880（22:00 至次日 06:00 的夜班写作 1320 至 1800）。
calendar-day-malformed = { $field }：日期格式应为 2026-02-15。
calendar-exceptions-too-many = 最多 { $max } 条例外，请删除往年的。
calendar-exception-ends-early = “{ $name }”的结束日早于开始日。
calendar-worked-as-out-of-range = workedAs 为 1（周一）至 7（周日）。

## catalogue

catalogue-key-unknown = { $field }：目录中没有“{ $key }”，可用 catalogue 查询已有的键。
catalogue-skill-level-out-of-range = 技能 { $skill } 的等级为 1（入门）至 5（可授课）。
catalogue-skills-too-many = requiredSkills 有 { $count } 项，最多 { $max } 项。
catalogue-aliases-too-many = aliases 有 { $count } 项，最多 { $max } 项。
catalogue-alias-too-short = aliases：“{ $alias }”太短，无法在文本中识别；至少需要 2 个字符（仅含字母时至少 3 个）。

## credentials

credentials-not-found = 没有名为 { $key } 的凭据，请先保存。
credentials-owner-required = 请指定负责人，以便提前提醒。
credentials-kind-fixed = { $key } 的类型为 { $kind }，不能更改。
credentials-key-of-kind-required = 类型 { $kind } 的凭据，key 必须为 { $key }。
credentials-key-of-other-kind = { $key } 是类型 { $kind } 专用的 key，请选择该类型或换用其他 key。
credentials-key-prefix-reserved = 以 { $prefix } 开头的 key 保留给配置文件中的通知渠道账号，请换用其他 key。
credentials-part-missing = { $kind } 需要 { $parts }，缺少 { $part }。
credentials-part-unknown = { $kind } 没有 { $part }，可用的有 { $parts }。
credentials-secret-not-base64 = { $part } 以 whsec_ 开头，其后须为带填充的 base64，且至少一个字节，例如 whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw。
credentials-aes-key-invalid = { $part } 须为服务商提供的 { $chars } 位字母和数字密钥。
credentials-rotation-required = { $key } 已有密钥，请用 rotateCredential 更换，以便新旧并存。
credentials-overlap-too-long = 新旧密钥并存最多 { $hours_max } 小时。
credentials-managed-in-configuration = 通知渠道账号的密钥在配置文件（[channels]）中，请在配置中更换并重启；此处只能修改负责人和到期日。

## delivery

delivery-address-not-email = 该地址不是有效的邮箱地址
delivery-canary-unsupported = 该渠道不支持发送探活工单
delivery-interrupted = 发送过程中进程退出，是否送达未知
delivery-provider-code-missing = { $provider } 的响应缺少字段 { $field }
delivery-provider-error = { $provider } { $code }：{ $text }
delivery-provider-token-missing = 未获取到访问令牌：{ $code } { $text }
delivery-provider-user-unknown = { $provider } 中没有用户 { $users }
delivery-push-address-invalid = 该地址不是推送订阅
delivery-push-endpoint-invalid = 推送订阅的 endpoint 不是有效地址
delivery-push-keys-invalid = 推送订阅的密钥无效
delivery-push-signing-failed = 无法生成 VAPID 签名
delivery-push-subscription-ended = 推送订阅已失效，请在此浏览器中重新绑定
delivery-sms-provider-missing = channels.sms 未配置服务商
delivery-sms-url-invalid = channels.sms.url 缺少主机名

## duration

duration-seconds = { $seconds } 秒
duration-minutes = { $minutes } 分钟
duration-hours = { $hours } 小时
duration-hours-minutes = { $hours } 小时 { $minutes } 分钟

## escalation

escalation-save-forbidden = 只有管理员可以保存升级策略。
escalation-level-required = 请至少设置一个级别。
escalation-level-out-of-range = 级别为 1、2 或 3。
escalation-levels-out-of-order = 每个级别只能出现一次，且级别越高时间越晚。
escalation-delay-out-of-range = afterSeconds 为 1 至 31536000（一年）。
escalation-level-without-channel = 第 { $level } 级没有任何渠道。
escalation-level-reaches-nobody = 第 { $level } 级无法触达任何人：请绑定这些渠道的接收终端，或改用已配置发送方（[channels]）的其他渠道。二、三级除 WEB 外还需其他渠道，WEB_PUSH 不能是唯一渠道。

escalation-excluded-earlier-owner = 曾经负责过该工单
escalation-excluded-skill-missing = 不具备技能 { $skill }
escalation-excluded-skill-level-too-low = 技能 { $skill } 等级为 { $level }，要求 { $required } 级
escalation-excluded-away = 请假/离岗
escalation-excluded-delegated = 已由他人代理
escalation-excluded-off-shift = 不在班次内
escalation-excluded-unreachable = 无法触达：没有可用的接收渠道，近期也未登录
escalation-excluded-at-capacity = 工作量已满
escalation-excluded-at-capacity-of = 工作量已满：在办 { $load } / { $capacity } 分（约 { $tickets } 张普通工单）

## expires

expires-today = 今日（或已）
expires-in-days = 将于 { $days } 天后

## heatmap

heatmap-every-day = 每天
heatmap-day-range = { $first }至{ $last }
heatmap-gap-summary = { $days } { $from }–{ $to }：到达 { $count } 张工单，无一按时首响。
heatmap-proposal-delegate = 建议由{ $name }在该时段临时代理：其在此时段按时首响 { $answered_in_time } 张。
heatmap-delegate-unnamed = 同组同事
heatmap-proposal-shift = 该时段无人全程在岗：建议调整班次。
heatmap-proposal-stagger = 按日历该时段在岗 { $on_duty } 人：建议错峰休息，或设置临时代理。
heatmap-gap-with-proposal = { $gap }{ $proposal }

heatmap-sheet-half-hours = 半小时
heatmap-sheet-gaps = 响应空档
heatmap-column-scope = 范围
heatmap-column-name = 名称
heatmap-column-weekday = 星期
heatmap-column-from = 起
heatmap-column-to = 止
heatmap-column-arrivals = 到达量
heatmap-column-answered-in-time = 按时首响
heatmap-column-median-first-response = 首响中位数（秒）
heatmap-column-in-gap = 处于空档
heatmap-column-small-sample = 样本不足
heatmap-column-proposal = 建议
heatmap-scope-all = 全部
heatmap-scope-team = 班组
heatmap-scope-agent = 工程师
heatmap-export-too-large = 导出超过 { $rows_max } 行，请指定一个班组。

## hub

hub-system-required = 只有已注册的系统可以执行此操作，请使用其 API 密钥：Authorization: Bearer <apiKey>。
hub-scope-missing = 该 API 密钥没有 { $scope } 权限，请签发具备该权限的密钥。
hub-system-not-found = 没有注册名为 { $key } 的系统。
hub-system-exists = { $key } 已注册，请使用 updateSystem 修改，或换用其他 key。
hub-rank-out-of-range = rank 为 1（同时上报时优先）至 { $max }，0 属于 Buoy 自身。
hub-status-map-too-large = statusMap 共 { $count } 项，最多允许 { $max } 项。
hub-status-map-duplicate = statusMap 中 { $source_status } 重复：每个上报状态只能对应一种状态。
hub-status-map-reopen-invalid = { $source_status }：重新打开后的状态只能是 ASSIGNED、IN_PROGRESS 或 WAITING。

hub-link-forbidden = 系统只能关联自己的单号：{ $key }。
hub-reference-ambiguous = { $reference } 对应多张工单，请用 system 指明来源系统：{ $systems }。
hub-token-malformed = uuid 不是有效的全局编号，请逐字核对（格式 TKN-XXXXXX-XXXXX）。
hub-token-unknown = 没有使用该全局编号的工单，请逐字核对。
hub-report-required = 请至少提供一条上报。
hub-reports-too-many = 单次上报 { $count } 条，最多 { $max } 条，请分批上报。
hub-ticket-reports-too-many = 该工单的上报已达 { $max } 条上限。
hub-timestamp-malformed = timestamp 不是 RFC 3339 格式的日期时间：{ $timestamp }。请写成 2026-11-23T08:00:00Z 的形式。
hub-timestamp-ahead = timestamp 比服务器时间（{ $now }）超前 { $seconds } 秒，最多允许 { $seconds_max } 秒，请检查该系统的时钟（NTP）。
hub-event-id-reused = 该系统已用 { $event_id } 上报过其他内容，新的事件请使用新的 eventId。
hub-cause-not-found = { $cause } 不是发给该系统的、仍有效的工单更正；如需上报新状态，请不要填写 causeId。
hub-endpoint-inactive = { $key } 没有可用的 Webhook 地址，请先用 updateSystem 启用或设置 callbackUrl。
hub-dead-letter-not-found = 没有该死信：已确认或已被取代的更正不会重发。
hub-period-invalid = period.to 必须晚于 period.from。

## http

http-no-connection = 无法建立连接（{ $error }）
http-no-response = 未收到响应（{ $error }）
http-response-too-long = 响应内容过长

## import

import-map-invalid = 导入映射：{ $reason }。
import-map-unparsable = 无法解析导入映射：{ $error }
import-map-time-zone-unknown = time_zone：“{ $name }”不是有效的 IANA 时区
import-map-status-unknown = words.status：“{ $status }”既不是系统的状态，也不是 { $unchanged } 或 { $merged }
import-map-source-missing = source：请填写工单的来源系统
import-map-delimiter-invalid = delimiter：必须是一个 ASCII 字符
import-file-unreadable = 文件未能完整读取（{ $error }），未导入任何数据
import-row-too-long = 从第 { $line } 行开始的一行数据超过 { $max } 字节（引号是否未闭合？），未导入任何数据
import-row-columns-differ = 该行有 { $columns } 列，表头有 { $header } 列
import-row-not-utf8 = 该行不是 UTF-8 编码
import-line-too-long = 该行超过 { $max } 字节
import-line-not-json = 该行不是 JSON 对象：{ $error }
import-column-missing = 文件中没有映射所用的列“{ $column }”，现有的列：{ $columns }
import-id-empty = { $column } 为空，工单必须有 ID
import-id-too-long = { $column } 超过 { $max } 个字符
import-key-too-long = “{ $text }”超过键的上限 { $max } 个字符
import-value-empty = { $column } 为空
import-value-unmapped = “{ $value }”不在映射的 words.{ $list } 中
import-time-invalid = { $column }：“{ $text }”不符合 time_formats 中的任何格式
import-number-invalid = { $column }：“{ $text }”不是数字
import-count-invalid = { $column }：{ $number } 不是有效的次数
import-rows-missing = 该工单没有任何行
import-attribution-missing = 该工单为 RESOLVED 但没有归因：请为归因指定列，或将来源状态映射为 CLOSED
import-catalogue-key-missing = 目录（{ $kind }）中没有“{ $key }”：请先添加，或允许映射自动创建
import-team-missing = 没有班组“{ $key }”：请先添加，或允许映射自动创建
import-customer-missing = 没有客户单位“{ $key }”：请先添加，或允许映射自动创建
import-person-missing = 没有用户“{ $name }”：请先创建，或允许映射自动创建人员
import-reference-taken = 该外部单号属于一个非导入的工单，未做更改
import-ticket-changed = 该工单导入后已在系统中修改，未做更新
import-map-encoding-unknown = encoding：不支持“{ $name }”，请使用浏览器的编码名称，如 utf-8、gb18030、big5、utf-16le、windows-1252
import-map-id-missing = 缺少 columns.id：请指定工单编号所在的列，或填写 id = "{"{"}line{"}"}" 以使用行号
import-map-created-missing = 缺少 columns.created：请指定工单创建时间所在的列
import-map-fixed-invalid = fixed.{ $field }：ID 不能为固定值，且同一字段只能出现在 [columns] 或 [fixed] 之一
import-file-is-workbook = 文件是工作簿或其他压缩文件，不是文本：.xlsx 文件请设置 format = "xlsx"，其他格式请另存为 .xlsx 或 UTF-8 编码的 CSV；未导入任何数据
import-file-not-xlsx = 文件不是 .xlsx 工作簿：请设置 format = "csv" 或 "jsonl"，或另存为 .xlsx；未导入任何数据
import-file-broken-xlsx = 无法读取工作簿（{ $error }），未导入任何数据
import-workbook-too-large = 工作簿超过 { $max } 字节：请将工作表另存为 UTF-8 编码的 CSV；未导入任何数据
import-sheet-missing = 工作簿中没有工作表“{ $sheet }”，现有的工作表：{ $sheets }
import-file-utf32 = 不支持 UTF-32 编码：请另存为 UTF-8；未导入任何数据
import-file-not-utf8 = 文件不是 UTF-8 编码（首次出现在第 { $line } 行）：请在映射中指定编码，如中文 Windows 的文件用 encoding = "gb18030"，或另存为 UTF-8；未导入任何数据
import-file-encoding-wrong = 文件不是 { $encoding } 编码：请在映射中指定正确的编码，或另存为 UTF-8；未导入任何数据
import-file-is-utf8 = 文件是 UTF-8 编码，不是 { $encoding }：请从映射中删除 encoding；未导入任何数据
import-quote-unclosed = 第 { $line } 行的引号始终未闭合，其后的各行无法区分，未导入任何数据
import-row-quote = 第 { $first } 至 { $last } 行：引号未闭合，或引号内的引号未写两次；这些行未导入
import-row-not-encoded = 该行不是有效的 { $encoding } 编码
import-key-repeated = 该行多次出现映射所用的键“{ $key }”
import-one-column = 文件中没有列“{ $column }”，且只有一列：{ $columns }。映射中的 delimiter 是否与文件一致？
import-id-column-missing = 文件中没有作为 ID 的列“{ $column }”，现有的列：{ $columns }。请在 columns.id 中指定工单编号所在的列；若没有编号，请填写 id = "{"{"}line{"}"}"
import-column-repeated = 文件中有 { $count } 个映射所用的列“{ $column }”：请重命名多余的列，或设置 header = false 并使用列的序号
import-id-rounded = { $column }：“{ $id }”已被电子表格取整，其他工单会与其相同：请将该列按文本导出
import-time-implausible = { $column }：“{ $text }”早于 1980 年或在将来（两位年份请在 time_formats 中用 %y）
import-time-before-created = { $column }：{ $at } 早于工单的创建时间（{ $created }）
import-row-before-created = 该行的时间（{ $at }）早于工单的创建时间（{ $created }）
import-omitted-rows = 该工单有被拒绝的行：已标记为不完整，不计入任何指标
import-omitted-attribution = 原因与方案仅保留为文本，未作为归因：{ $missing } 没有值
import-omitted-several-tickets = 有 { $rows } 行使用该 ID 且创建时间不同：已合为一个工单，标记为不完整，不计入任何指标
import-omitted-closing-time = 该工单已关闭，但没有关闭时间：不计入任何时长
import-omitted-repeated-id = 列表中有 { $rows } 行使用该 ID，已合为一个工单
import-summary-incomplete = { $count } 个工单不完整，不计入任何指标：有被拒绝的行，或多个工单使用同一 ID
import-summary-unattributed = { $count } 个工单的原因与方案仅保留为文本：归因不完整，不计入根因类指标
import-map-attribution-partial = 映射只包含部分归因字段（缺少 { $missing }）：原因与方案将保留为文本。
import-map-operators = 映射不创建人员，没有账号的操作人不会写入审计记录。
import-map-references-invalid = references.{ $system }：最多 { $max } 个系统，键不能为空、不能与 source 相同
import-comments-malformed = { $column }：评论应为对象数组，字段为 at、author、text、visibility：{ $error }
import-comments-too-many = { $column }：单行 { $count } 条评论，最多 { $max } 条
import-comment-visibility = { $column }：“{ $value }”应为 PUBLIC 或 INTERNAL
import-omitted-texts = 超出长度上限，末尾已截断：{ $fields }
import-omitted-reference = 未关联 { $system } 的单号 { $external_id }：已属于其他工单
import-summary-shortened = { $count } 个工单的文本因过长被截断
import-summary-taken = { $count } 个外部单号未关联：已属于其他工单
import-source-requester = 报修人（源系统）：{ $text }
import-source-comment = { $author }（源系统）：{ $text }
import-source-cause = 原因（源系统）：{ $text }
import-source-solution = 方案（源系统）：{ $text }
import-source-fault-type = 故障类型（源系统）：{ $text }
import-source-cause-level = 根因层级（源系统）：{ $text }
import-summary-repeated = 列表中有 { $count } 行与其他行 ID 相同，已并入同一工单
import-summary-undated = { $count } 个已关闭的工单没有关闭时间，不计入任何时长

## intake

intake-refused = 已拒绝
intake-sender-limited = 同一发送者每小时最多提交 { $max } 次，请稍后再试。
intake-webhook-id-reused = { $id } 已用于提交其他内容，新的请求请使用新的 webhook-id。
intake-gateway-unknown = 没有接入渠道 { $key }，可用的有 { $gateways }。
intake-submission-unspecified = 请指定 submissionId，或同时指定 gateway 与 source。
intake-submission-not-held = 隔离区中没有该提交：可能已放行或忽略，或从未被隔离。
intake-check-still-failing = 校验仍未通过（{ $reason }），请先修复凭据 { $gateway }。
intake-image = [图片] { $url }
intake-location = [位置] { $place }
intake-attachments-not-kept = （附件未保存：{ $names }）
intake-text-shortened = （另有 { $count } 个字符未显示，原文已留存，管理员可查看。）
intake-full = 该接入渠道暂不接收更多提交
intake-canary-not-arrived = 未到达

## knowledge

knowledge-card-not-found = 卡片不存在，或您无权查看。
knowledge-manage-forbidden = 知识卡片由主管、管理员或所属产品的产品经理审核、发布与下线。
knowledge-create-forbidden = 只有员工和相应产品的产品经理可以编写知识卡片。
knowledge-solution-tags = 请填写 1 到 { $max } 个解决方案标签。
knowledge-card-exists = 该产品、根因和解决方案标签组合已有知识卡片：请在知识库中找到并编辑它。
knowledge-filter-too-large = filter 最多包含 { $products_max } 个产品，文本最多 200 个字符。
knowledge-transition-invalid = 该卡片当前状态为 { $state }，只有{ $allowed }。
knowledge-transition-review = DRAFT 状态的卡片可以审核
knowledge-transition-publish = 未发布的卡片可以发布
knowledge-transition-retire = 未下线的卡片可以下线

knowledge-citation-ambiguous = caseId 与 cardId 必须且只能给出一个。
knowledge-citation-of-itself = 工单不能引用自身，请选择其他案例。
knowledge-citation-confidential = 该工单为保密工单，其解决方案不可引用。
knowledge-citation-without-solution = 只有已解决或已关闭且已归因的工单才有可引用的解决方案。
knowledge-citation-card-retired = 该卡片已下线（RETIRED），请引用其他方案，或重新发布该卡片。

knowledge-fault-hardware = 硬件
knowledge-fault-software = 软件
knowledge-fault-configuration = 配置
knowledge-fault-operation = 操作
knowledge-cause-user-error = 使用错误（L1）
knowledge-cause-environment = 环境因素（L2）
knowledge-cause-design-defect = 设计缺陷（L3）

## metrics

metrics-month-malformed = month 的格式如 2026-10。
metrics-quarter-malformed = quarter 的格式如 2026-Q3。
metrics-week-malformed = week 的格式如 2026-W47。
metrics-period-invalid = period.to 必须晚于 period.from（时间段左闭右开）。
metrics-intervals-too-many = 该时间段超过 { $max } 个区间，请缩短时间段或选择更长的区间。
metrics-dimension-none = 无
metrics-priority-urgent = 紧急
metrics-priority-high = 高
metrics-priority-normal = 普通
metrics-priority-low = 低

## notification

notification-not-found = 没有这条属于您的通知。
notification-after-malformed = after 应为通知的 ID。
notification-after-unknown = after 应为您收到的最后一条通知的 ID。
notification-missed-too-many = 错过的通知超过 { $max } 条：请先读取 notifications，再从最新一条之后订阅。
delivery-address-invalid = 地址不符合该渠道的格式，请重新绑定。
notification-telephone-invalid = address 不是有效的手机号：请填写数字，境外号码以 + 和国家码开头。
notification-push-subscription-invalid = address 不是推送订阅：请提供 JSON.stringify(await registration.pushManager.subscribe(…)) 的结果。
notification-quiet-hours-invalid = 免打扰时段需同时给出两个不同的分钟数（0–1439）；不需要则都不填。
notification-way-fixed = 二级、三级预警和告警必须送达，不能更改 cause 的通知方式。
notification-no-channel = 该人员没有可用的通知渠道
notification-no-sender = { $channel }：未配置发送方（配置文件的 [channels]）

notification-subject = { $priority } · { $title }
notification-two-lines =
    { $first }
    { $second }
notification-somebody = 有人
notification-sent-again = { $title }（重发：前一条是否送达未知）
notification-assigned = 工单 { $number } 已分派给您
notification-level-1 = 【一级预警】工单 { $number } 已等待 { $waited }
notification-level-1-body = 尚未首次响应。请受理、回复或转派。
notification-level-2 = 【二级预警】工单 { $number } 已等待 { $waited }
notification-level-2-assigned = 负责人：{ $name }，仍未响应，已同时通知其主管。
notification-level-2-unassigned = 工单未分派，请分派。
notification-level-3 = 【三级预警】工单 { $number } 已等待 { $waited }
notification-level-3-reassigned = 已改派给 { $name }。
notification-level-3-stays = 仍由 { $name } 负责：暂无其他合适人员，人员变化时会自动重试。
notification-level-3-unassigned = 未分派：暂无合适人员，人员变化时会自动重试。
notification-mention = { $author } 在工单 { $number } 中提到了您
notification-comment = { $author } 回复了工单 { $number }
notification-sla-risk = 工单 { $number } 的{ $target }时限即将到期
notification-team-queue = 工单 { $number } 暂无合适人员，已进入班组队列
notification-team-queue-body = 请分派，或安排人员到岗：人员变化时会自动重新分派。
notification-digest = { $count } 条消息
notification-alert = 系统告警：需管理员处理
notification-report = { $month } 工单健康度报告已生成
notification-report-body = 可在线查看图表，也可下载文件。
notification-report-provisional-body = 本期为暂定版：部分指标的观察期尚未结束，结束后将自动生成最终版。
notification-report-final = { $month } 工单健康度报告最终版已生成
notification-report-final-body = 观察期已全部结束，最终版已替换暂定版。
notification-knowledge-gap = { $name }：一次解决率持续偏低
notification-knowledge-gap-body = 已连续三周低于目标，{ $count } 个主题尚无知识卡片，请查看并补充。
notification-knowledge-gap-of-body = 已连续三周低于目标（共 { $tickets } 张工单），{ $count } 个主题尚无知识卡片，请查看并补充。
notification-knowledge-gap-small-body = 已连续三周低于目标，但仅 { $tickets } 张工单，样本较小，可能存在偶然性；{ $count } 个主题尚无知识卡片。
notification-card = 已由 { $count } 张工单自动生成知识卡片草稿
notification-card-body = 同一根因多次以同一方案解决，请审核并发布该卡片。
notification-survey = 请评价：工单 { $number } 的服务
notification-survey-body = 工单已关闭，点一下即可评价。
notification-pending-report = 工单 { $number }：上报状态“{ $status }”待处理
notification-pending-attribution = 其他系统已上报完成，请填写归因并解决，或驳回该上报。
notification-pending-assignee = 其他系统已上报处理中，请分派负责人。
notification-pending-decision = 其他系统上报的状态无法自动应用，请人工处理，或驳回该上报。
notification-released = 您的请求已受理：工单 { $number }
notification-released-body = 该请求于 { $waited }前收到，因我方故障延迟处理，内容未丢失，现已开始处理。
notification-prediction = 预判
notification-chat-id-invalid = address 不是该渠道的有效账号：仅限一人，由字母、数字和 _ - 组成（企业微信和钉钉中间还可含 . 和 @）。
notification-code-impossible = 该渠道无法发送验证码：渠道未配置，或消息会发到群里。请管理员代为绑定。
notification-codes-too-many = 一小时内已发送 { $max } 个验证码：请稍后再试，或请管理员代为绑定。
notification-code-invalid = 验证码为 6 位数字。
notification-code-wrong = 验证码错误，还可尝试 { $left } 次。
notification-code-none = 该渠道没有有效的验证码：请重新绑定地址以获取。
notification-code-title = 您的浮标验证码：{ $code }
notification-code-body = 请在绑定页面输入，{ $minutes } 分钟内有效。如非本人操作，请忽略。
notification-address-taken = 您的{ $channel }地址已被移除
notification-address-taken-body = 另一账号已验证该地址归其所有。如该地址属于您，请重新绑定并联系管理员。
notification-buoy = Buoy
notification-receipt = 已收到您的请求：工单 { $number }
notification-receipt-body = 后续进展会在这里通知您。补充信息请直接回复；如有新的问题，请以“新问题：”开头。
notification-progress = 工单 { $number } 正在处理
notification-handled-by = { $name } 正在处理。
notification-handled-by-nobody = 已排队，等待下一位可用的工程师。
notification-assigned-to = 负责人：{ $name }。
notification-waiting = 工单 { $number } 需要您的回复
notification-waiting-body = 请回复，以便我们继续处理。
notification-resolved = 工单 { $number } 已解决
notification-resolved-body = 如果问题仍然存在，请直接回复，工单会重新打开。
notification-reopened = 工单 { $number } 已重新打开
notification-cancelled = 工单 { $number } 已取消
notification-chased = 工单 { $number } 的客户第 { $count } 次催单
notification-chase-answer = 已转达您对工单 { $number } 的催促
notification-updated = 工单 { $number } 有更新
notification-update-assigned = { $author } 进行了指派。
notification-update-accepted = { $author } 已接单。
notification-update-waiting = { $author } 正在等待客户。
notification-update-resumed = { $author } 已恢复处理。
notification-update-resolved = { $author } 已解决。
notification-update-closed = { $author } 已关闭。
notification-update-changed = { $author } 进行了修改。
notification-sla-breached = SLA 已超时：工单 { $number }，{ $target }
notification-owner-gone = { $name } 已离岗，名下有 { $count } 张未完成工单
notification-owner-gone-body = 已转交或重新排队：{ $tickets }
channel-answer-accepted = 您已接单：工单 { $number }
channel-answer-waiting = 工单 { $number } 已挂起等待
channel-answer-reply-sent = 您对工单 { $number } 的回复已发送给客户
channel-answer-note-added = 备注已添加到工单 { $number }（仅内部可见）
channel-answer-resolve = 工单 { $number }：请填写根因和解决方案后解决
channel-answer-refused = 工单 { $number }：当前不能这样操作，或不是您的工单。未作任何更改。
channel-answer-body = 可回复“接单”“等待 原因”“已解决”“内部：备注”，或直接回复客户。
channel-answer-no-ticket = 这条消息属于哪张工单？
channel-answer-no-ticket-body = 请以工单号开头，例如“#12 我在路上”。如需报修，请以“新问题：”开头。
channel-web = 网页
channel-wecom = 企业微信
channel-dingtalk = 钉钉
channel-feishu = 飞书
channel-web-push = 浏览器推送
channel-email = 邮箱
channel-sms = 短信

## people

people-sign-in-failed = 邮箱或密码错误。
people-session-over = 登录已过期，请重新登录。
people-password-wrong = 当前密码错误。
people-account-exists = { $email } 已有账号。
people-role-required = 请至少指定一个角色。
people-user-unspecified = 请指定用户。
people-redact-self-forbidden = 不能隐去自己的账号，请由其他管理员操作。
people-owner-cannot-sign-in = { $owner } 不是可登录的用户，请指定能收到提醒的负责人。

people-agent-not-found = 没有这位工程师。
people-availability-forbidden = 只有其主管或管理员可以为他人执行此操作。
people-capacity-out-of-range = capacity 取 0–{ $max } 分；一张普通优先级工单计 2 分，20 分约为 10 张普通工单。
people-skills-too-many = 最多 200 项技能。
people-absence-not-found = 没有这条请假/离岗记录。
people-absence-period-invalid = until 必须晚于 from，且在将来。
people-delegation-not-found = 没有这条代理。
people-delegation-exists = 该代理已存在；可用 endDelegation 取消。
people-delegation-to-self = 代理人不能是本人。
people-delegation-period-invalid = period.to 必须晚于 period.from，且在将来。
people-delegation-weekdays-invalid = weekdays 为 1（周一）至 7（周日）。
people-delegation-minutes-invalid = fromMinute 为 0–1439，toMinute 须晚于它且不超过 2880（可跨午夜）。

## priority

priority-urgent = 紧急
priority-high = 高
priority-normal = 普通
priority-low = 低

## recommend

recommend-input-too-long = input.{ $field } 超过 { $max } 个字符。
recommend-case-of-itself = 工单不能作为自身的案例，请选择其他案例。
recommend-dismissed-too-many = 该工单已有 { $max } 条被忽略的案例，请先恢复其中一条。
recommend-solved-before = 相似的已解决案例：

## reports

reports-title = 工单健康度报告 { $month }
reports-scope = 统计范围：{ $from } 起、{ $to } 前首次解决的工单（{ $time_zone }），共 { $resolved } 张，其中未归因 { $unattributed } 张。
reports-provisional = 暂定：{ $tickets } 张工单、{ $surveys } 份评价的观察期尚未结束，暂不计入指标；{ $date } 起为最终结果。
reports-made-on = 生成日期：{ $date }，仅包含读者有权查看的数据；已合并与已取消的工单不计。

reports-section-figures = 指标
reports-section-causes = 根因
reports-section-contributions = 知识贡献
reports-section-solutions = 解决方案
reports-section-l3-escape = 产品 L3 逃逸

reports-figure-root-cause-convergence = 根因收敛率（前三大根因占比）
reports-figure-solution-reuse = 方案复用率（被 3 张及以上其他工单引用）
reports-figure-l3-escape = L3 逃逸率（设计缺陷占比）
reports-figure-recurrence = 复发率（30 天内同客户或同设备、同故障同根因）
reports-figure-link-rate = 引用率（引用案例或卡片的工单）
reports-figure-satisfaction = 满意度（评分 4 或 5）
reports-figure-response-rate = 评价回收率
reports-verdict-met = 达标
reports-verdict-missed = 未达标
reports-verdict-none = 无数据
reports-verdict-provisional = { $verdict }（暂定，还有 { $pending } 项待定）

reports-column-figure = 指标
reports-column-value = 数值
reports-column-numerator = 分子
reports-column-denominator = 分母
reports-column-pending = 待定
reports-column-target = 目标
reports-column-verdict = 结论
reports-column-cause = 根因
reports-column-tickets = 工单数
reports-column-share = 占比
reports-column-engineer = 工程师
reports-column-citations = 被引用次数
reports-column-cited-cases = 被引用案例
reports-column-cards = 知识卡片
reports-column-solution = 解决方案
reports-column-kind = 类型
reports-column-cited-by = 引用工单数
reports-column-product = 产品
reports-column-owners = 负责人
reports-column-quarter-before = 上季度
reports-column-this-quarter = 本季度
reports-column-change = 变化
reports-kind-case = 案例
reports-kind-card = 卡片
reports-solution-hidden = （无权查看）

## satisfaction

satisfaction-link-invalid = 该链接无效或已过期，请登录后在工单页评价。
satisfaction-score-out-of-range = score 为 1（最差）至 { $max }（最好）。

## sla

sla-targets-invalid = 请给出 firstResponseSeconds、resolutionSeconds 或两者；解决时限不得短于首次响应时限。
sla-target-out-of-range = { $field } 至少为 1 秒，最多 { $seconds_max } 秒。
sla-first-response = 首次响应
sla-resolution = 解决

## tickets

tickets-not-found = 工单不存在，或您无权查看。
tickets-link-invalid = 链接无效或已过期。请使用最近一条工单消息中的链接。
tickets-link-replies-too-many = 通过链接每小时最多回复 { $max } 次。请稍后再试，或电话联系我们。
tickets-lookup-ambiguous = id、number、token 必须且只能给出一个。
tickets-token-malformed = 全局编号无效，请逐字核对（格式 TKN-XXXXXX-XXXXX）。
tickets-reference-taken = { $system } { $external_id } 已关联到其他工单。
tickets-reference-not-linked = { $system } { $external_id } 未关联到此工单：请使用其 externalRefs 中的编号。
tickets-references-noted = 提单人填写的外部编号（未关联）：{ $references }
tickets-entries-too-many = { $field } 共 { $count } 项，最多允许 { $max } 项。
tickets-filter-too-large = 过滤条件过大：最多 { $parts_max } 个部分、{ $texts_max } 段文本。
tickets-relevance-without-text = 按 RELEVANCE 排序需要在过滤条件顶层给出 filter.text。
tickets-cursor-outdated = 该游标对应的工单已不在结果中，请重新查询列表。
tickets-cursor-before-restore = 该游标来自数据恢复之前，请不带游标重新查询。

tickets-forbidden = 您可以查看该工单，但无权执行此操作。
tickets-case-read-only = 您可以将该工单作为案例查看，但不能修改。
tickets-create-forbidden = 只有客户和服务人员可以创建工单，您的角色仅可查看。
tickets-requester-unknown = 没有使用该邮箱的用户，请先创建用户，或不填写此项。
tickets-accept-forbidden = 只有人员可以受理工单。
tickets-reassign-forbidden = 该工单由他人负责，请联系负责人、主管或管理员转派。
tickets-assignee-required = 只有负责人、主管或管理员可以执行此操作，请先将工单分派给您。
tickets-assignee-invalid = 工单只能分派给账号有效的工程师、主管或管理员。
tickets-mention-forbidden = 只有服务人员可以提及同事。
tickets-mention-invalid = mentionIds 中有人不是服务人员，请使用同事的 ID。
tickets-attribution-forbidden = 只有人员可以填写归因。
tickets-resolution-required = 请填写解决过程，供下一位工程师参考。
tickets-solution-tag-required = 请至少选择一个解决方案标签。
tickets-redaction-unspecified = 请指定要隐去的内容：texts、commentIds 或两者。
tickets-report-not-pending = 该工单没有待处理的上报状态。

tickets-transition-invalid = 该工单当前状态为 { $status }，只有{ $allowed }才能{ $action }。
tickets-action-assign = 分派
tickets-action-accept = 受理
tickets-action-set-waiting = 挂起
tickets-action-resume = 恢复
tickets-action-resolve = 解决
tickets-action-close = 关闭
tickets-action-reopen = 重新打开
tickets-action-cancel = 取消
tickets-action-chase = 催单
tickets-action-attribute = 归因
tickets-action-rate = 评价
tickets-action-cite = 引用方案
tickets-action-change = 修改
tickets-allowed-any = 任何工单
tickets-allowed-open = 未结束的工单
tickets-allowed-new-or-assigned = 状态为 NEW 或 ASSIGNED 的工单
tickets-allowed-in-progress = 状态为 IN_PROGRESS 的工单
tickets-allowed-waiting = 状态为 WAITING 的工单
tickets-allowed-in-progress-or-waiting = 状态为 IN_PROGRESS 或 WAITING 的工单（请先受理）
tickets-allowed-resolved = 状态为 RESOLVED 的工单
tickets-allowed-resolved-or-closed = 状态为 RESOLVED 或 CLOSED 的工单
tickets-allowed-not-ended = 未关闭且未取消的工单

## unseen

unseen-nobody-assigned = 未分派：工单在队列中等待。
unseen-all-failed = { $name } 未收到通知：所有渠道均发送失败。最近一次原因：{ $failure }
unseen-retrying = { $name } 尚未收到通知：正在重试发送。最近一次失败原因：{ $failure }
unseen-never-sent = { $name } 未收到通知：尚未发出任何消息。
unseen-not-delivered = 已向 { $name } 发送消息，但未送达。
unseen-delivery-unknown = 已向 { $name } 发送消息，该渠道不提供送达回执，是否送达未知。
unseen-not-opened = 消息已送达 { $name }，但尚未查看。
unseen-opened = { $name } 已查看工单，但未响应。

## url

url-malformed = 地址格式无效（{ $error }）
url-private = 该地址位于内网，且其网段不在 outgoing.allow_private 中
url-private-name = 该主机名仅解析到内网地址，且不在 outgoing.allow_private 中
url-user-info = 该地址含有用户名或密码，请去掉
url-not-https = 该地址不是 https

## webhooks

webhooks-gone = HTTP 410：该地址不再接收消息
webhooks-redirected = HTTP { $code }：不跟随重定向，请登记目标地址
webhooks-url-refused = { $field } 无法调用：{ $reason }。
webhooks-overlap-too-long = 新旧密钥并存最多 { $hours_max } 小时。

## weekday

weekday-monday = 周一
weekday-tuesday = 周二
weekday-wednesday = 周三
weekday-thursday = 周四
weekday-friday = 周五
weekday-saturday = 周六
weekday-sunday = 周日
