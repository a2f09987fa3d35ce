#include "medisyn/eval/reader_study/study_site.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "medisyn/core/error.h"
#include "medisyn/core/log.h"
#include "medisyn/eval/reader_study/page.h"
#include "medisyn/eval/reader_study/refusal.h"

namespace medisyn {
namespace {

constexpr std::size_t kMostTargetBytes = 256;

bool has_image(const Study& study, const std::string& name) {
  for (const Part& part : study.parts) {
    for (const auto* trials : {&part.training, &part.trials}) {
      for (const Trial& trial : *trials) {
        if (std::find(trial.images.begin(), trial.images.end(), name) != trial.images.end()) {
          return true;
        }
      }
    }
  }
  return false;
}

void require_image(const fs::path& folder, const std::string& name) {
  constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1A\n";
  require_file(folder / name, "an image that study.json names");
  if (fs::is_symlink(folder / name) || fs::is_symlink(folder / "images")) {
    fail("{}: expected the image itself, found a link", (folder / name).string());
  }
  if (!read_file(folder / name).starts_with(kPngSignature)) {
    fail("{}: expected a PNG file", (folder / name).string());
  }
}

void require_images(const Study& study, const fs::path& folder) {
  for (const Part& part : study.parts) {
    for (const auto* trials : {&part.training, &part.trials}) {
      for (const Trial& trial : *trials) {
        for (const std::string& name : trial.images) {
          require_image(folder, name);
        }
      }
    }
  }
}

void require_no_key(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().filename() == "key.json") {
      fail(
          "{}: the key lies inside the folder that readers get; move it out (export writes it beside study/)",
          entry.path().string());
    }
  }
}

SiteReply reply_to(const Refusal& refusal) {
  SiteReply reply{.status = refusal.status(), .body = std::string(refusal.what()) + "\n"};
  if (refusal.status() == 405) {
    reply.headers.emplace_back("Allow", "GET, POST");
  }
  if (refusal.status() == 429) {
    reply.headers.emplace_back("Retry-After", "2");
  }
  return reply;
}

/// A refusal, or a fault of ours, as a reply. The sender learns nothing of a fault but that there is one.
SiteReply guarded(const std::function<SiteReply()>& work) {
  try {
    return work();
  } catch (const Refusal& refusal) {
    return reply_to(refusal);
  } catch (const std::exception& error) {
    log_error("{}", error.what());
    return {.status = 500, .body = "a fault of the server; nothing was saved\n"};
  }
}

/// "/r/<secret>/<rest>".
struct Target {
  std::string kind = {};  ///< "r", "admin"
  std::string secret = {};
  std::string rest = {};
};

Target parse_target(const std::string& target) {
  if (target.size() > kMostTargetBytes) {
    throw Refusal(414, "the address is too long");
  }
  const std::size_t second = target.find('/', 1);
  const std::size_t third = second == std::string::npos ? second : target.find('/', second + 1);
  if (target.empty() || target[0] != '/' || third == std::string::npos) {
    throw Refusal(404, "nothing is here; use the link that you were given");
  }
  return {.kind = target.substr(1, second - 1),
          .secret = target.substr(second + 1, third - second - 1),
          .rest = target.substr(third + 1)};
}

/// "/r/<32 hex>": a link that lost its last slash on the way.
bool is_link_cut_short(std::string_view target) {
  constexpr std::size_t kDigits = 32;
  for (const std::string_view kind : {"/r/", "/admin/"}) {
    if (target.starts_with(kind) && is_hex(target.substr(kind.size()), kDigits)) {
      return true;
    }
  }
  return false;
}

[[noreturn]] void refuse_unknown() {
  throw Refusal(404, "nothing is here; use the link that you were given");
}

}  // namespace

StudySite::StudySite(const Study& study, fs::path folder, AnswerStore& store)
    : study_(study),
      folder_(std::move(folder)),
      store_(store),
      readers_(store.readers()),
      page_(reader_study_page(study, /*served=*/true)),
      reader_rate_(/*burst=*/200, /*per_second=*/20),
      stranger_rate_(/*burst=*/30, /*per_second=*/1) {
  require_no_key(folder_);
  require_images(study_, folder_);
}

std::vector<std::pair<std::string, std::string>> StudySite::headers_of_all() {
  return {{"X-Content-Type-Options", "nosniff"},
          {"X-Frame-Options", "DENY"},
          {"Referrer-Policy", "no-referrer"},
          {"Cache-Control", "no-store"},
          {"Cross-Origin-Resource-Policy", "same-origin"},
          {"Cross-Origin-Opener-Policy", "same-origin"},
          {"X-Robots-Tag", "noindex"}};
}

const Reader* StudySite::find_reader(std::string_view token) const {
  const Reader* found = nullptr;
  for (const Reader& reader : readers_) {  // all of them: the time taken tells nothing
    if (same_secret(reader.token, token)) {
      found = &reader;
    }
  }
  return found;
}

void StudySite::check_rate(const Reader* reader, const std::string& address) {
  const bool is_allowed =
      reader != nullptr ? reader_rate_.allows(reader->name) : stranger_rate_.allows(address);
  if (!is_allowed) {
    throw Refusal(429, "too many requests; try again in a moment");
  }
}

std::optional<SiteReply> StudySite::before_body(const SiteRequest& request) {
  std::optional<SiteReply> reply;
  const SiteReply now = guarded([&]() -> SiteReply {
    if (request.method == "GET") {
      return get(request);
    }
    const Target target = parse_target(request.target);
    const Reader* reader = target.kind == "r" ? find_reader(target.secret) : nullptr;
    check_rate(reader, request.address);
    if (request.method != "POST") {
      throw Refusal(405, "expected GET or POST");
    }
    if (reader == nullptr) {
      refuse_unknown();
    }
    if (target.rest != "answers") {
      throw Refusal(405, "expected GET");
    }
    if (!request.content_type.starts_with("application/json")) {
      throw Refusal(415, "expected application/json");
    }
    return {.status = 100};
  });
  if (now.status != 100) {
    reply = now;
  }
  return reply;
}

SiteReply StudySite::with_body(const SiteRequest& request) {
  return guarded([&]() -> SiteReply {
    const Reader* reader = find_reader(parse_target(request.target).secret);
    if (reader == nullptr) {
      refuse_unknown();
    }
    if (request.body.size() > kMostBodyBytes) {
      throw Refusal(413, "the answer is too long");
    }
    store_.save(parse_answer(request.body, study_, reader->name));
    return {.status = 204};
  });
}

SiteReply StudySite::get(const SiteRequest& request) {
  if (is_link_cut_short(request.target)) {
    const std::string last =
        request.target.substr(request.target.rfind('/') + 1);  // a proxy may have a prefix
    return {.status = 301, .headers = {{"Location", last + "/"}}};
  }
  const Target target = parse_target(request.target);
  const Reader* reader = target.kind == "r" ? find_reader(target.secret) : nullptr;
  const bool is_admin = target.kind == "admin" && same_secret(target.secret, store_.admin_secret());
  if (!is_admin) {
    check_rate(reader, request.address);
  }
  if (reader != nullptr) {
    return reader_page(*reader, target.rest);
  }
  if (is_admin) {
    return admin_page(target.rest);
  }
  refuse_unknown();
}

SiteReply StudySite::reader_page(const Reader& reader, const std::string& rest) const {
  if (rest.empty()) {
    return {.type = "text/html; charset=utf-8",
            .body = page_,
            .headers = {{"Content-Security-Policy", reader_study_policy()}}};
  }
  if (rest == "answers") {
    Json answers = Json::array();
    for (const ReaderAnswer& answer : store_.answers(reader.name)) {
      answers.push_back(to_json(study_.id, answer));
    }
    const Json all = {{"schema", "medisyn.reader_answers/1"},
                      {"study_id", study_.id},
                      {"reader", reader.name},
                      {"answers", answers}};
    return {.type = "application/json", .body = all.dump()};
  }
  return image(rest);
}

SiteReply StudySite::image(const std::string& name) const {
  if (!is_study_image(name) || !has_image(study_, name)) {
    refuse_unknown();
  }
  return {.type = "image/png", .body = read_file(folder_ / name)};
}

SiteReply StudySite::admin_page(const std::string& rest) const {
  if (rest.empty()) {
    return {.type = "text/html; charset=utf-8",
            .body = admin_page_html(study_, readers_, store_.answers()),
            .headers = {{"Content-Security-Policy", admin_page_policy()}}};
  }
  if (rest == "answers.csv") {
    return {.type = "text/csv; charset=utf-8",
            .body = answers_csv(study_, store_.answers()),
            .headers = {
                {"Content-Disposition", fmt::format("attachment; filename=\"answers_{}.csv\"", study_.id)}}};
  }
  refuse_unknown();
}

}  // namespace medisyn
