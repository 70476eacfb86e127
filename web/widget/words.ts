/** What the element says, in both languages; a value follows its word. It does without the app's words, to stay small. */

const EN = {
  title: 'Buoy: what waits for me',
  unread: 'unread of ',
  longest: 'longest ',
  nothing: 'Nothing waits for you',
  more: 'Not shown: ',
  lost: 'Connection lost, trying again',
  alarm: 'Nobody has answered',
  level: 'Escalation, level ',
  seen: 'I have seen it',
  URGENT: 'Urgent',
  HIGH: 'High',
};

export type Words = typeof EN;
export type Language = 'en' | 'zh-CN';

export const WORDS: Record<Language, Words> = {
  en: EN,
  'zh-CN': {
    title: '浮标：我的待办',
    unread: '未读 / 共 ',
    longest: '最长 ',
    nothing: '暂无待办',
    more: '未列出：',
    lost: '连接已断开，正在重连',
    alarm: '工单超时无人响应',
    level: '升级级别 ',
    seen: '知道了',
    URGENT: '紧急',
    HIGH: '高',
  },
};

/** The first of these languages that it speaks. */
export function spoken(tags: readonly (string | null)[]): Language {
  const tag = tags.find((of) => of && /^(zh|en)\b/i.test(of));
  return tag && /^z/i.test(tag) ? 'zh-CN' : 'en';
}

/** A span in its largest unit, as the app says it. */
export function span(seconds: number, language: Language): string {
  const [size, unit] =
    seconds < 60 ? ([1, 'second'] as const)
    : seconds < 3_600 ? ([60, 'minute'] as const)
    : seconds < 172_800 ? ([3_600, 'hour'] as const)
    : ([86_400, 'day'] as const);
  const value = Math.max(0, Math.floor(seconds / size));
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(value);
}
