//! What each of WeCom's error codes means for a delivery, in one table.
//!
//! **Codes that are not in the table** are `Class::Unlisted`, a class of its own, because each of the obvious guesses does
//! harm: taken for a bad record, a new configuration code would cost 399 calls a batch and park every punch; taken for a
//! configuration error, one bad record would stop everybody's punches. So an unlisted code is first retried as if it were
//! transient; then the batch is split *once*. If the halves differ, it is about a record: go on halving. If both halves are
//! refused with that code too, it is not about a record (or about several, which a person should see anyway): stop the
//! destination with one alarm and probe slowly. That loses nothing and costs at most six calls before it settles. A record that is
//! alone from the start has nothing to be compared with: probe slowly, with whatever else is waiting by then.

use punchd_contract::Text;

/// What a delivery does about a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// It is stored.
    Stored,
    /// Not now: again with back-off, at most 3 times.
    Transient,
    /// One or more records are bad: read back, then halve until the bad one stands alone; park it.
    BadRecord,
    /// The photo is bad: upload it anew or send without.
    BadPhoto,
    /// Too much in one body: split.
    Oversize,
    /// punchd built a bad request: halve to isolate, park, report the defect.
    Defect,
    /// Somebody must change a setting: stop the destination, one alarm, slow probing. Never halve, never hammer.
    Configuration,
    /// The token is void. The client has already fetched another one and tried once more.
    TokenExpired,
    /// The secret is wrong (where a token is asked for) or a fresh token is refused (in a call). The client has already fetched another
    /// token once; stop: an IP that goes on is banned.
    SecretWrong,
    /// Too many calls: not for 60 s, then not for an hour.
    RateLimited,
    /// Too many calls at the same time: wait a little, one at a time.
    Concurrency,
    /// The corp is gone or banned: stop.
    Stopped,
    /// Not in the table: see the module's first lines.
    Unlisted,
}

/// One code.
#[derive(Debug)]
pub struct Code {
    /// `errcode`.
    pub code: i64,
    /// What a delivery does.
    pub class: Class,
    /// What it means and what to do.
    pub en: &'static str,
    /// 中文.
    pub zh: &'static str,
}

macro_rules! codes {
    ($($code:literal $class:ident $en:literal $zh:literal;)*) => {
        /// All codes that concern punches, in numerical order (facts/wecom-api.md 1.7, 2, 4.6).
        pub const CODES: &[Code] = &[$(Code { code: $code, class: Class::$class, en: $en, zh: $zh }),*];
    };
}

codes! {
    -1 Transient "WeCom is busy; punchd tries again by itself." "企业微信系统繁忙，punchd 会自动重试。";
    0 Stored "Stored." "已写入。";
    40001 SecretWrong "WeCom gives a token for this app and refuses that same token in the call, so corp id and secret are accepted. Check base_url and proxy (does a hub or proxy answer for another corp?), whether another program fetches tokens of this app all the time, and whether the app's secret was just reset; punchd goes on trying." "企业微信为该应用发放了 access_token，却在调用时拒绝它，因此企业 ID 与 Secret 是被接受的。请检查 base_url 与代理（hub 或代理是否在为另一家企业应答）、是否有其他程序不断获取该应用的 token，以及应用的 Secret 是否刚被重置；punchd 会继续尝试。";
    40003 BadRecord "This userid does not exist in the corp: correct it in the people list." "企业中没有该 userid：请在人员名单中更正。";
    40004 BadPhoto "The photo's kind was refused: JPG or PNG is needed." "照片类型不被接受：请使用 JPG 或 PNG。";
    40005 BadPhoto "The photo's type was refused: JPG or PNG is needed." "照片文件类型不被接受：请使用 JPG 或 PNG。";
    40006 BadPhoto "The photo's size was refused: keep it below 2 MB." "照片大小不合要求：请控制在 2 MB 以内。";
    40007 BadPhoto "The photo's media_id is void (it lives 3 days): upload the photo anew." "照片的 media_id 无效（有效期 3 天）：需重新上传。";
    40013 Configuration "The corp id is wrong: copy it from My Company in the WeCom console." "企业 ID 不正确：请在管理后台“我的企业”中复制。";
    40014 TokenExpired "The access token is void; punchd fetches another one by itself." "access_token 无效，punchd 会自动重新获取。";
    40031 Defect "The list of userids was refused: report this as a defect of punchd." "userid 列表不被接受：这是 punchd 的缺陷，请反馈。";
    40032 Defect "The list of userids is too long: report this as a defect of punchd." "userid 列表过长：这是 punchd 的缺陷，请反馈。";
    40033 Defect "A text has characters that WeCom refuses: look at the record's texts and report this." "文本中含有企业微信不接受的字符：请检查该记录的文本并反馈。";
    40035 Defect "A parameter was refused: report this as a defect of punchd." "参数不合法：这是 punchd 的缺陷，请反馈。";
    40056 Configuration "The agent id is wrong: copy it from the app's page in the WeCom console." "AgentId 不正确：请在管理后台的应用页面复制。";
    40058 Defect "The request's form was refused: report this as a defect of punchd." "请求格式不合法：这是 punchd 的缺陷，请反馈。";
    40063 Defect "A parameter is empty: report this as a defect of punchd." "有参数为空：这是 punchd 的缺陷，请反馈。";
    40091 Configuration "The secret belongs to another corp: corp id and secret must be of the same corp." "Secret 属于其他企业：企业 ID 与 Secret 必须属于同一企业。";
    40123 BadPhoto "The photo is not a real picture: take another one." "照片不是有效的图片：请重新拍摄。";
    40206 Oversize "The request is too large; punchd splits it by itself." "请求内容过大，punchd 会自动拆分。";
    // punchd always sends these three, so something on the way takes them off: no reason to halve a batch.
    41001 Configuration "The access token was lost on the way: a proxy or hub in between cuts the query off." "access_token 在途中丢失：中间的代理或 hub 去掉了查询参数，请检查。";
    41002 Configuration "The corp id is missing: set it, or look whether a proxy cuts the query off." "缺少企业 ID：请填写，或检查代理是否去掉了查询参数。";
    41004 Configuration "The secret is missing: set it, or look whether a proxy cuts the query off." "缺少 Secret：请填写，或检查代理是否去掉了查询参数。";
    42001 TokenExpired "The access token has expired; punchd fetches another one by itself." "access_token 已过期，punchd 会自动重新获取。";
    44001 BadPhoto "The photo is empty: take another one." "照片内容为空：请重新拍摄。";
    45001 BadPhoto "The photo is too large: keep it below 2 MB." "照片过大：请控制在 2 MB 以内。";
    45009 RateLimited "Too many calls; WeCom refuses for a minute or an hour. Lower calls_per_minute if several gateways share the corp." "调用过于频繁，企业微信将拒绝一分钟或一小时。多个网关共用企业时请调低 calls_per_minute。";
    45031 Configuration "WeCom holds the secret for leaked: reset it on the app's page and set the new one here." "企业微信认为 Secret 已泄露：请在应用页面重置并在此填写新值。";
    45033 Concurrency "Too many calls at the same time; punchd waits and tries again." "并发调用过多，punchd 会稍候重试。";
    46004 BadRecord "The member does not exist: correct the people list." "成员不存在：请更正人员名单。";
    48002 Configuration "The app may not use the punch API: add it in the WeCom console under 打卡 → 可调用接口的应用." "应用无打卡接口权限：请在管理后台“打卡 → 可调用接口的应用”中添加。";
    48009 Configuration "The contacts secret may not be used from this address: use the secret of a self-built app." "通讯录 Secret 不可在此 IP 使用：请改用自建应用的 Secret。";
    50001 Configuration "The domain is not the app's trusted domain: correct it on the app's page." "域名不是应用的可信域名：请在应用页面更正。";
    50002 Configuration "The member lies outside of the app's rights: widen the app's visible range." "成员不在应用权限范围内：请扩大应用可见范围。";
    50003 Configuration "The app is disabled: enable it in the WeCom console." "应用已被停用：请在管理后台启用。";
    60011 BadRecord "The app has no right on this member: add the person to the app's visible range." "应用对该成员无权限：请将其加入应用可见范围。";
    60020 Configuration "This address is not trusted by the app: add the gateway's public IP at 企业可信IP on the app's page, or deliver through a proxy with a fixed address (`proxy` in the configuration)." "调用 IP 不在应用的可信 IP 中：请在应用页面“企业可信IP”添加网关的公网 IP，或通过固定 IP 的代理上传（配置项 `proxy`）。";
    60021 BadRecord "The member is outside of the app's visible range: add the person there." "成员不在应用可见范围内：请将其加入。";
    60111 BadRecord "The userid does not exist, was deleted, or is outside of the app's visible range: correct the people list or the range." "userid 不存在、已删除或不在应用可见范围内：请更正人员名单或可见范围。";
    301002 Configuration "The app may not do this for the corp: check which app's secret is set." "应用与该操作不匹配：请检查所填的是哪个应用的 Secret。";
    301007 Stopped "The corp is dissolved or banned: ask the corp's WeCom administrator." "企业已解散或被封禁：请联系企业的企业微信管理员。";
    301015 BadPhoto "The photo's media_id was refused: upload the photo anew." "照片的 media_id 不被接受：需重新上传。";
    301021 BadRecord "At least one userid is not in the contacts: correct the people list." "至少一个 userid 不在通讯录中：请更正人员名单。";
    301022 Transient "The punch service failed; punchd tries again by itself." "打卡系统异常，punchd 会自动重试。";
    301023 Defect "The list of userids has none or more than 100: report this as a defect of punchd." "userid 列表为空或超过 100 个：这是 punchd 的缺陷，请反馈。";
    301024 Defect "The period asked for is too long: report this as a defect of punchd." "查询时间跨度过长：这是 punchd 的缺陷，请反馈。";
    301042 Configuration "This address is not trusted by the app: add the gateway's public IP at 企业可信IP on the app's page, or deliver through a proxy with a fixed address (`proxy` in the configuration)." "调用 IP 不在应用的可信 IP 中：请在应用页面“企业可信IP”添加网关的公网 IP，或通过固定 IP 的代理上传（配置项 `proxy`）。";
    301069 BadRecord "No member has this userid: correct the people list." "没有该 userid 对应的成员：请更正人员名单。";
    301070 Transient "The punch service failed; punchd tries again by itself." "打卡系统异常，punchd 会自动重试。";
    301071 Stored "Stored; but another member has a similar face: check that the picture shows the right person." "已写入；但有其他成员的人脸相似：请确认照片是本人。";
    301072 BadPhoto "The face picture is not usable: take another one, from the front, in good light." "人脸照片不可用：请正面、光线充足地重新拍摄。";
    301081 BadRecord "The punch lies outside of the time in which punching is possible: look at the punch's time and the rule." "打卡时间不在可打卡范围内：请检查打卡时间与规则。";
    301083 BadRecord "A value of the punch was refused, often a time later than now: check the gateway's and the device's clock." "打卡参数不合法，常见原因是时间晚于当前：请检查网关与设备的时钟。";
}

fn listed(code: i64) -> Option<&'static Code> {
    CODES.binary_search_by_key(&code, |entry| entry.code).ok().and_then(|at| CODES.get(at))
}

/// What a delivery does about this code.
pub fn class_of(code: i64) -> Class {
    listed(code).map_or(Class::Unlisted, |entry| entry.class)
}

/// What a person should do about this code.
pub fn advice(code: i64) -> Text {
    match listed(code) {
        Some(entry) => Text::new(entry.en, entry.zh),
        None => Text::new(
            format!(
                "WeCom refused with a code that punchd does not know ({code}): look it up at https://open.work.weixin.qq.com/devtool/query?e={code}"
            ),
            format!(
                "企业微信返回了 punchd 未知的错误码（{code}）：请在 https://open.work.weixin.qq.com/devtool/query?e={code} 查询"
            ),
        ),
    }
}

/// What a person should do where WeCom refuses to give a token with this code. 40001 means another thing there than in a call.
pub fn advice_without_token(code: i64) -> Text {
    match code {
        40001 => Text::new(
            "The app's secret is wrong: copy it again from the app's page in the WeCom console.",
            "应用的 Secret 不正确：请在管理后台的应用页面重新复制。",
        ),
        other => advice(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_codes_and_what_is_done_about_each() {
        let classed = |class| CODES.iter().filter(|c| c.class == class).map(|c| c.code).collect::<Vec<_>>();
        assert_eq!(classed(Class::Stored), [0, 301071]);
        assert_eq!(classed(Class::Transient), [-1, 301022, 301070]);
        assert_eq!(classed(Class::BadRecord), [40003, 46004, 60011, 60021, 60111, 301021, 301069, 301081, 301083]);
        assert_eq!(classed(Class::BadPhoto), [40004, 40005, 40006, 40007, 40123, 44001, 45001, 301015, 301072]);
        assert_eq!(classed(Class::Oversize), [40206]);
        assert_eq!(classed(Class::Defect), [40031, 40032, 40033, 40035, 40058, 40063, 301023, 301024]);
        assert_eq!(
            classed(Class::Configuration),
            [40013, 40056, 40091, 41001, 41002, 41004, 45031, 48002, 48009, 50001, 50002, 50003, 60020, 301002, 301042]
        );
        assert_eq!(classed(Class::TokenExpired), [40014, 42001]);
        assert_eq!(classed(Class::SecretWrong), [40001]);
        assert_eq!(classed(Class::RateLimited), [45009]);
        assert_eq!(classed(Class::Concurrency), [45033]);
        assert_eq!(classed(Class::Stopped), [301007]);
        assert_eq!(classed(Class::Unlisted), [] as [i64; 0]);
    }

    #[test]
    fn every_code_is_found_and_has_advice_in_both_languages() {
        assert!(CODES.is_sorted_by(|a, b| a.code < b.code), "the table is searched by halving");
        for entry in CODES {
            assert_eq!(class_of(entry.code), entry.class);
            let text = advice(entry.code);
            assert!(text.en.ends_with('.') && text.zh.ends_with('。'), "{}", entry.code);
        }
    }

    #[test]
    fn a_code_that_nobody_knows_is_a_class_of_its_own_and_can_be_looked_up() {
        assert_eq!(class_of(399_999), Class::Unlisted);
        assert!(advice(399_999).en.contains("399999") && advice(399_999).zh.contains("399999"));
    }
}
