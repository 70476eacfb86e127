//! Words that say nothing of what a text is about: texts that share only these have nothing in common.

/// In lower case. `is_english_stop` searches: keep the order.
const ENGLISH: &[&str] = &[
    "a", "about", "after", "again", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "because", "been",
    "before", "being", "but", "by", "can", "cannot", "could", "d", "did", "do", "does", "doing", "for", "from", "get",
    "gets", "got", "had", "has", "have", "having", "he", "hello", "help", "her", "here", "hi", "his", "how", "i", "if",
    "in", "into", "is", "it", "its", "just", "ll", "m", "may", "me", "my", "need", "needs", "no", "not", "now", "of",
    "on", "one", "or", "our", "out", "please", "re", "s", "she", "should", "so", "some", "t", "than", "thank", "thanks",
    "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "to", "too", "us", "ve", "very",
    "was", "we", "were", "what", "when", "where", "which", "while", "who", "why", "will", "with", "would", "you", "your",
];

/// Particles, pronouns, question words and the politeness that every request begins with.
const HAN: &[&str] = &[
    "的", "地", "得", "了", "着", "过", "在", "是", "我", "你", "您", "他", "她", "它", "我们", "你们", "他们", "咱们",
    "有", "和", "与", "及", "或", "以及", "就", "也", "都", "还", "还是", "又", "再", "很", "太", "到", "说", "要", "去", "来",
    "会", "能", "可", "可以", "能够", "没", "没有", "不", "不能", "自己", "这", "那", "这个", "那个", "这样", "那样", "这些",
    "那些", "这里", "那里", "等", "对", "被", "把", "让", "给", "从", "为", "以", "于", "其", "之", "但", "但是", "而", "并",
    "而且", "因为", "所以", "如果", "请", "请问", "谢谢", "您好", "你好", "麻烦", "帮忙", "吗", "呢", "吧", "啊", "呀", "哦", "嘛",
    "怎么", "怎样", "怎么样", "怎么办", "什么", "为什么", "为啥", "啥", "如何", "哪", "哪个", "哪里", "几", "多少", "是否", "是不是",
    "能不能", "现在", "已经", "一", "一个", "一下", "一直", "一些", "个", "些", "上", "下", "中", "里", "时", "时候", "后", "前", "人",
    "好", "看", "想", "用", "只", "才", "更", "最", "各", "每", "由", "向", "跟", "同", "则", "即", "若", "如", "该", "此", "某",
];

pub(super) fn is_english_stop(lower: &str) -> bool {
    ENGLISH.binary_search(&lower).is_ok()
}

pub(super) fn is_han_stop(word: &str) -> bool {
    // Words of one to three characters; the list is short enough to walk, but not once for every word of a long text.
    static SET: std::sync::LazyLock<std::collections::HashSet<&str>> =
        std::sync::LazyLock::new(|| HAN.iter().copied().collect());
    SET.contains(word)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_is_in_order() {
        assert!(super::ENGLISH.is_sorted());
    }
}
