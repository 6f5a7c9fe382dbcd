// CUDA's words for kernels on a CPU, with every access to memory checked: threads are preempted at random, and two
// accesses of one place, one of them a write, must have a barrier of both threads between them; blocks have none.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <vector>
#include "cuda_threads.h"
using namespace std;

#define __global__
#define __device__
#define __restrict__
#define __launch_bounds__(threads)

struct Dim3 { unsigned x, y, z; };
static Dim3 gridDim, blockDim;
static inline float __int_as_float(int32_t bits) { float f; memcpy(&f, &bits, 4); return f; }
static inline double __longlong_as_double(int64_t bits) { double d; memcpy(&d, &bits, 8); return d; }

static const size_t STACK = 32768;
enum State { RUNS, AT_BLOCK, AT_WARP, DONE };
struct Thread {
    Context context;
    char *stack;
    State state;
    unsigned block, number, shuffles, block_barriers, warp_barriers;
    char given[2][8];
};
static vector<Thread> threads;
static Context scheduler;
static Thread *me;
static bool strict;  // Whether shuffles leave memory unordered, as CUDA's words have it.
static unsigned long long seed, accesses;
static string findings, kernel_name;
static size_t reports;

static unsigned drawn() {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (unsigned)(seed >> 33);
}
static void report(const string &what) {
    const string finding = kernel_name + ": " + what + "\n";
    if (findings.find(finding) == string::npos) findings += finding;
    reports++;
}
static void leave(State state) {
    me->state = state;
    change(me->context, scheduler);
}
static inline void __syncthreads() { me->block_barriers++; leave(AT_BLOCK); }
static inline void __syncwarp() { me->warp_barriers++; leave(AT_WARP); }
template <class T> static inline T __shfl_xor_sync(unsigned, T value, int distance) {
    unsigned turn = me->shuffles++ & 1;
    memcpy(me->given[turn], &value, sizeof(T));
    if (!strict) me->warp_barriers++;
    leave(AT_WARP);
    T other;
    memcpy(&other, (me - (long)me->number + (long)(me->number ^ (unsigned)distance))->given[turn], sizeof(T));
    return other;
}

struct Access { unsigned block, number, block_barriers, warp_barriers; bool any; };
struct Cell { Access write; vector<Access> reads; };
static unordered_map<uintptr_t, Cell> cells;

static bool is_own(const Access &other) { return other.block == me->block && other.number == me->number; }
static bool is_before(const Access &other) {
    if (!other.any || is_own(other)) return true;
    if (other.block != me->block) return false;
    bool same_warp = other.number / 32 == me->number / 32;
    return other.block_barriers < me->block_barriers || (same_warp && other.warp_barriers < me->warp_barriers);
}
static void check(uintptr_t address, bool writes) {
    accesses++;
    if (drawn() % 8 == 0) leave(RUNS);
    Cell &cell = cells[address];
    Access now = {me->block, me->number, me->block_barriers, me->warp_barriers, true};
    if (!is_before(cell.write)) report(writes ? "write after write" : "read after write");
    if (!writes) {
        for (Access &read : cell.reads) if (is_own(read)) { read = now; return; }
        cell.reads.push_back(now);
        return;
    }
    if (!all_of(cell.reads.begin(), cell.reads.end(), is_before)) report("write after read");
    cell.reads.clear();
    cell.write = now;
}
template <class T> struct Reference {
    T *place;
    operator typename remove_const<T>::type() const { check((uintptr_t)place, false); return *place; }
    Reference &operator=(T value) { check((uintptr_t)place, true); *place = value; return *this; }
    Reference &operator=(const Reference &other) { return *this = (T)other; }
    Reference &operator+=(T value) { return *this = (T)*this + value; }
};
template <class T> struct Pointer {
    T *start;
    long long size;
    const char *name;
    Reference<T> operator[](long long at) const {
        if (at >= 0 && at < size) return Reference<T>{start + at};
        report(string(name) + " out of bounds");
        static typename remove_const<T>::type nothing{};
        return Reference<T>{&nothing};
    }
    Reference<T> operator*() const { return (*this)[0]; }
};
template <class T, int n> struct Pack;
template <int n, class T> static Pack<typename remove_const<T>::type, n> packed(Pointer<T> from, long long at) {
    if (((uintptr_t)(from.start + at)) % (n * sizeof(T))) report(string(from.name) + " misaligned");
    Pack<typename remove_const<T>::type, n> pack;
    for (int lane = 0; lane < n; lane++) pack.of[lane] = from[at + lane];
    return pack;
}
template <int n, class T> static void put(Pointer<T> to, long long at, Pack<T, n> pack) {
    if (((uintptr_t)(to.start + at)) % (n * sizeof(T))) report(string(to.name) + " misaligned");
    for (int lane = 0; lane < n; lane++) to[at + lane] = pack.of[lane];
}
static vector<vector<double>> rooms;
template <class T> static Pointer<T> shared_memory() {
    vector<double> &room = rooms[me->block];
    return {(T *)room.data(), (long long)(room.size() * sizeof(double) / sizeof(T)), "shared"};
}

static void call(int kernel, void **p, long long *n);
static int called;
static void **pointers;
static long long *sizes;
static void body() {
    call(called, pointers, sizes);
    leave(DONE);
}

static void go_on(Thread &thread, vector<unsigned> &ready) {
    thread.state = RUNS;
    ready.push_back(&thread - threads.data());
}

// Some blocks run side by side. The cells last for the whole launch, in which no two blocks are ordered.
extern "C" size_t launch(
    int kernel, const char *name, unsigned blocks, unsigned size, void **p, long long *n, unsigned long long seeded,
    int strictly, char *told, unsigned long long *count
) {
    called = kernel, pointers = p, sizes = n, strict = strictly, seed = seeded | 1, kernel_name = name;
    findings.clear(), cells.clear(), reports = 0, accesses = 0;
    gridDim = {blocks, 1, 1}, blockDim = {size, 1, 1};
    const unsigned together = size > 512 ? 2 : 4;
    vector<unsigned> order(blocks);
    for (unsigned b = 0; b < blocks; b++) order[b] = b;
    for (unsigned b = blocks; b > 1; b--) swap(order[b - 1], order[drawn() % b]);
    rooms.assign(blocks, vector<double>());
    while (threads.size() < together * size) threads.push_back({{}, (char *)malloc(STACK)});
    for (unsigned first = 0; first < blocks; first += together) {
        const unsigned some = min(together, blocks - first);
        vector<unsigned> ready;
        for (unsigned b = 0; b < some; b++) rooms[order[first + b]].assign(1024, 0);
        for (unsigned t = 0; t < some * size; t++) {
            Thread &thread = threads[t];
            thread = {{}, thread.stack, RUNS, order[first + t / size], t % size, 0, 0, 0, {}};
            begin(thread.context, thread.stack, STACK, body);
            ready.push_back(t);
        }
        for (unsigned left = some * size; left;) {
            while (!ready.empty()) {
                unsigned at = drawn() % ready.size();
                me = &threads[ready[at]];
                change(scheduler, me->context);
                if (me->state == RUNS) continue;
                left -= me->state == DONE;
                ready[at] = ready.back();
                ready.pop_back();
            }
            for (unsigned b = 0; b < some; b++) {
                Thread *own = &threads[b * size];
                auto at_block = [](const Thread &thread) { return thread.state == AT_BLOCK; };
                auto at_warp = [](const Thread &thread) { return thread.state == AT_WARP; };
                if (all_of(own, own + size, at_block)) {
                    for (unsigned t = 0; t < size; t++) go_on(own[t], ready);
                    continue;
                }
                for (unsigned w = 0; w < size; w += 32) {
                    const unsigned lanes = min(32u, size - w);
                    if (all_of(own + w, own + w + lanes, at_warp))
                        for (unsigned t = w; t < w + lanes; t++) go_on(own[t], ready);
                }
            }
            if (left && ready.empty()) { report("a barrier that not all threads reach"); break; }
        }
    }
    strncpy(told, findings.c_str(), 999);
    *count = accesses;
    return reports;
}
