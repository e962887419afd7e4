#include "pool.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

namespace cvxgeom {
namespace {

struct Job {
    void (*run)(void*, std::int64_t);
    void* context;
    std::int64_t n;
    std::atomic<std::int64_t> next{0};

    void work() {
        for (std::int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < n;) run(context, i);
    }
};

class Pool {
   public:
    bool take() { return !busy_.test_and_set(std::memory_order_acquire); }
    void release() { busy_.clear(std::memory_order_release); }

    // Only for the thread that has taken the pool.
    void execute(Job& job, int helpers) {
        while (n_workers_ < helpers && spawn()) {
        }
        {
            std::lock_guard<std::mutex> lock(mutex_);
            job_ = &job;
            seats_ = helpers;
        }
        wake_.notify_all();
        job.work();
        std::unique_lock<std::mutex> lock(mutex_);
        job_ = nullptr;  // who wakes up only now finds nothing to do
        done_.wait(lock, [this] { return active_ == 0; });
    }

   private:
    bool spawn() {
        // Signals belong to the threads of the program.
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        bool started = true;
        try {
            std::thread([this] { serve(); }).detach();
            ++n_workers_;
        } catch (const std::system_error&) {
            started = false;  // no more threads to be had: the caller does the work
        }
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return started;
    }

    void serve() {
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            wake_.wait(lock, [this] { return job_ != nullptr && seats_ > 0; });
            Job* job = job_;
            --seats_;
            ++active_;
            lock.unlock();
            job->work();
            lock.lock();
            if (--active_ == 0) done_.notify_one();
        }
    }

    std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
    int n_workers_ = 0;
    std::mutex mutex_;
    std::condition_variable wake_, done_;
    Job* job_ = nullptr;
    int seats_ = 0, active_ = 0;
};

std::atomic<Pool*> the_pool{nullptr};

// A forked child has none of the threads, and perhaps a lock that nobody will open: it starts anew, and the old pool
// is left alone.
void forget_pool() { the_pool.store(nullptr); }

Pool* pool() {
    static const int registered = pthread_atfork(nullptr, nullptr, forget_pool);
    (void)registered;
    Pool* found = the_pool.load();
    if (found == nullptr) {
        // Never deleted: its threads wait on it until the process ends.
        Pool* fresh = new Pool;
        if (the_pool.compare_exchange_strong(found, fresh)) return fresh;
        delete fresh;
    }
    return found;
}

}  // namespace

void parallel_for(std::int64_t n, int threads, void (*run)(void*, std::int64_t), void* context) {
    Pool* shared = threads > 1 && n > 1 ? pool() : nullptr;
    if (shared == nullptr || !shared->take()) {
        for (std::int64_t i = 0; i < n; ++i) run(context, i);
        return;
    }
    Job job{run, context, n};
    shared->execute(job, static_cast<int>(threads - 1 < n - 1 ? threads - 1 : n - 1));
    shared->release();
}

}  // namespace cvxgeom
