#include "medisyn/dist/liveness.h"

#include <gloo/common/error.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "job_store.h"
#include "medisyn/core/log.h"
#include "peers.h"

namespace medisyn {
namespace {

using Clock = std::chrono::steady_clock;
using State = RankRecord::State;

constexpr int kFault = 1;  ///< exit code

/// The rest of the process is not asked: its main thread may wait for a rank that is gone.
[[noreturn]] void end_process() { _exit(kFault); }

[[noreturn]] void wait_for_the_end() {
  while (true) {
    pause();
  }
}

/// A rank that failed must not wait in a destructor for those that it left.
void end_process_later() {
  std::thread([] {
    constexpr std::chrono::seconds kPatience{20};
    std::this_thread::sleep_for(kPatience);
    end_process();
  }).detach();
}

}  // namespace

class Liveness::Watch {
 public:
  Watch(StorePointer store, const Rank& rank, std::int64_t server, LivenessLimits limits)
      : store_(std::move(store)),
        rank_(rank),
        server_(server),
        limits_(limits),
        peers_(rank, limits),
        missing_(peers_.missing()) {
    current = this;
    before_ = std::set_terminate(end_by_uncaught);
    beating_ = std::thread([this] { beat_until_stopped(); });
    guarding_ = std::thread([this] { guard_until_stopped(); });
  }

  ~Watch() {
    leave();
    {
      const std::scoped_lock lock(mutex_);
      is_stopping_ = true;
    }
    wake_.notify_all();
    beating_.join();
    guarding_.join();
    std::set_terminate(before_);
    current = nullptr;
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void set_phase(std::string phase) {
    const std::scoped_lock lock(mutex_);
    phase_ = std::move(phase);
  }

  std::string phase() const {
    const std::scoped_lock lock(mutex_);
    return phase_;
  }

  std::vector<std::int64_t> wait_for_everyone(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, timeout, [&] { return missing_.empty() || is_decided(lock); });
    return missing_;
  }

  void fail(const std::string& line) {
    {
      std::unique_lock lock(mutex_);
      if (is_decided(lock)) {
        return;
      }
      end_ = End::kOwnFailure;
    }
    end_process_later();
    write_last({.state = State::kEnded, .text = failure_line(line)});
  }

  [[noreturn]] void end_by_broken_connection(const std::exception& error) {
    {
      std::unique_lock lock(mutex_);
      is_broken_ = true;
      const std::int64_t enough = beats_ + limits_.silent_beats_once_broken + 2;
      changed_.wait(lock, [&] { return is_decided(lock) || is_store_gone_ || beats_ >= enough; });
    }
    end_by_failure(
        fmt::format("the connection to another rank broke in: {} ({})", phase(), first_line_of(error)));
  }

  [[noreturn]] void end_by_failure(const std::string& line) {
    fail(line);
    log_error("{}", failure_line(line));
    leave();
    end_process();
  }

 private:
  /// Who decided that this rank ends, and why. The first one does.
  enum class End { kNotYet, kWell, kOwnFailure, kByAnother };

  static std::atomic<Watch*> current;

  std::string failure_line(const std::string& line) const {
    return fmt::format("rank {} of {} failed: {}", rank_.rank, rank_.world, line);
  }

  bool serves_store() const { return server_ == rank_.rank; }

  /// True when the main thread has decided how this rank ends. Where the watching thread has, the process is
  /// about to end, and this does not come back.
  bool is_decided(std::unique_lock<std::mutex>& lock) {
    if (end_ == End::kByAnother) {
      lock.unlock();
      wait_for_the_end();
    }
    return end_ != End::kNotYet;
  }

  void leave() {
    std::unique_lock lock(mutex_);
    is_leaving_ = true;
    if (!is_decided(lock)) {
      lock.unlock();
      write_last({.state = State::kDone, .text = ""});
      lock.lock();
      if (serves_store()) {  // and watches on: one of the others may still die
        changed_.wait(lock, [&] { return is_decided(lock) || have_all_left_ || is_store_gone_; });
      }
      if (!is_decided(lock)) {
        end_ = End::kWell;
      }
    } else if (serves_store()) {
      changed_.wait_for(lock, limits_.farewell, [&] { return have_all_left_ || is_store_gone_; });
    }
  }

  /// A store that is gone tells nobody anything: the others have found out.
  void write_last(const RankRecord& record) {
    const std::scoped_lock lock(record_mutex_);
    is_record_last_ = true;
    try {
      write_record(*store_, rank_.rank, record);
    } catch (const std::exception&) {
    }
  }

  void write_beat() {
    const std::scoped_lock lock(record_mutex_);
    if (!is_record_last_) {
      write_record(*store_, rank_.rank, {.beat = ++own_beat_, .text = phase()});
    }
  }

  void look_around(bool is_beat) {
    if (is_beat) {
      write_beat();
    }
    peers_.read(*store_, is_beat);
    std::optional<std::string> line;
    {
      const std::scoped_lock lock(mutex_);
      ++looks_;
      beats_ += is_beat ? 1 : 0;
      missing_ = peers_.missing();
      have_all_left_ = peers_.have_all_left(is_broken_);
      line_without_store_ = line_without_store();
      line = peers_.verdict(is_broken_);
    }
    changed_.notify_all();
    if (line) {
      end_by_another(*line);
    }
  }

  /// Beats, and looks around more often while someone waits for others to come or to leave.
  void beat_until_stopped() {
    auto next_beat = Clock::now();
    while (true) {
      const bool is_beat = Clock::now() >= next_beat;
      if (is_beat) {
        next_beat = Clock::now() + limits_.beat;
      }
      try {
        look_around(is_beat);
      } catch (const std::exception&) {
        end_without_store();
        return;
      }
      std::unique_lock lock(mutex_);
      const bool hurries = !missing_.empty() || is_leaving_;
      constexpr int kHurry = 20;
      const auto rest = next_beat - Clock::now();
      wake_.wait_for(lock, hurries ? std::min<Clock::duration>(rest, limits_.beat / kHurry) : rest,
                     [&] { return is_stopping_; });
      if (is_stopping_) {
        return;
      }
    }
  }

  /// The other thread may hang in a question to a machine that is gone without having closed its connections.
  void guard_until_stopped() {
    std::int64_t seen = -1, unchanged = 0;
    std::unique_lock lock(mutex_);
    while (!is_stopping_ && !is_store_gone_) {
      unchanged = seen == looks_ ? unchanged + 1 : 0;
      seen = looks_;
      if (unchanged >= limits_.store_beats) {
        log_error("{}", line_without_store_);
        end_process();
      }
      wake_.wait_for(lock, limits_.beat, [&] { return is_stopping_ || is_store_gone_; });
    }
  }

  std::string line_without_store() const {
    return peers_.death_of(server_).value_or(
        fmt::format("rank {} of {}: the launcher of this job is gone", rank_.rank, rank_.world));
  }

  void end_without_store() {
    bool is_first = false;
    {
      const std::scoped_lock lock(mutex_);
      is_store_gone_ = true;
      is_first = end_ == End::kNotYet;
      if (is_first) {
        end_ = End::kByAnother;
      }
    }
    changed_.notify_all();
    wake_.notify_all();
    if (is_first) {
      log_error("{}", line_without_store());
      end_process();
    }
  }

  /// Passes the line on to those who have not found out yet.
  void end_by_another(const std::string& line) {
    {
      const std::scoped_lock lock(mutex_);
      if (end_ != End::kNotYet) {
        return;
      }
      end_ = End::kByAnother;
    }
    log_error("{}", line);
    write_last({.state = State::kEnded, .text = line});
    const auto until = Clock::now() + limits_.farewell;
    while (serves_store() && !peers_.have_all_left(is_broken_) && Clock::now() < until) {
      std::this_thread::sleep_for(limits_.beat / 4);
      try {
        peers_.read(*store_, false);
      } catch (const std::exception&) {
        break;
      }
    }
    end_process();
  }

  /// An exception that left a thread: of c10d's, say.
  [[noreturn]] static void end_by_uncaught() {
    Watch* watch = current;
    try {
      if (const auto error = std::current_exception(); error && watch != nullptr) {
        std::rethrow_exception(error);
      }
    } catch (const std::exception& error) {
      if (is_broken_connection(error)) {
        watch->end_by_broken_connection(error);
      }
      watch->end_by_failure(first_line_of(error));
    } catch (...) {
    }
    if (watch != nullptr) {
      watch->end_by_failure("an exception that nobody caught");
    }
    end_process();
  }

  const StorePointer store_;
  const Rank rank_;
  const std::int64_t server_;
  const LivenessLimits limits_;
  std::terminate_handler before_ = nullptr;

  std::mutex record_mutex_;  ///< holds back a beat behind the last record
  bool is_record_last_ = false;
  std::int64_t own_beat_ = 0;

  Peers peers_;  ///< of the beating thread

  std::atomic<bool> is_broken_{false};

  mutable std::mutex mutex_;  ///< of all below
  std::condition_variable changed_;
  std::condition_variable wake_;
  std::string phase_ = "starting";
  End end_ = End::kNotYet;
  bool is_leaving_ = false;
  bool is_stopping_ = false;
  bool is_store_gone_ = false;
  bool have_all_left_ = false;
  std::int64_t looks_ = 0;
  std::int64_t beats_ = 0;
  std::vector<std::int64_t> missing_;
  std::string line_without_store_ = "the store of this job is gone";

  std::thread beating_;
  std::thread guarding_;
};

std::atomic<Liveness::Watch*> Liveness::Watch::current{nullptr};

Liveness::Liveness(c10::intrusive_ptr<c10d::Store> store, const Rank& rank, std::int64_t server,
                   LivenessLimits limits)
    : watch_(std::make_unique<Watch>(std::move(store), rank, server, limits)) {}

Liveness::~Liveness() = default;

void Liveness::set_phase(std::string phase) { watch_->set_phase(std::move(phase)); }

std::string Liveness::phase() const { return watch_->phase(); }

std::vector<std::int64_t> Liveness::wait_for_everyone(std::chrono::milliseconds timeout) {
  return watch_->wait_for_everyone(timeout);
}

void Liveness::fail(const std::string& line) { watch_->fail(line); }

void Liveness::end_by_broken_connection(const std::exception& error) {
  watch_->end_by_broken_connection(error);
}

bool is_broken_connection(const std::exception& error) {
  return dynamic_cast<const ::gloo::Exception*>(&error) != nullptr ||
         dynamic_cast<const c10::DistError*>(&error) != nullptr;
}

std::string first_line_of(const std::exception& error) {
  const auto* of_torch = dynamic_cast<const c10::Error*>(&error);
  std::string text = of_torch != nullptr ? of_torch->what_without_backtrace() : error.what();
  text.resize(std::min(text.find('\n'), text.size()));
  if (dynamic_cast<const ::gloo::Exception*>(&error) != nullptr) {
    // "[/path/pair.cc:545] Connection closed by peer [127.0.0.1]:5850. This is typically caused by a ..."
    text.erase(0, text.starts_with('[') ? text.find(']') + 2 : 0);
    text.resize(std::min(text.find(". "), text.size()));
  }
  return text;
}

}  // namespace medisyn
