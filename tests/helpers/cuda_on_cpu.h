// CUDA's words for kernels on a CPU: a block's threads take turns, and change where CUDA would have them wait.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>
#include "cuda_threads.h"
using namespace std;

#define __global__
#define __launch_bounds__(threads)
#define __device__
#define __restrict__ __restrict
#define __shared__ static

struct Dim3 { unsigned x, y, z; };
static Dim3 gridDim, blockDim, blockIdx, threadIdx;

static inline float __int_as_float(int32_t bits) { float f; memcpy(&f, &bits, 4); return f; }
static inline double __longlong_as_double(int64_t bits) { double d; memcpy(&d, &bits, 8); return d; }

static const size_t STACK = 16384;
struct Thread { Context context; char *stack; bool done; double given; };
static vector<Thread> threads;
static Context scheduler;
static unsigned running;

// All threads of the block come here before one goes on; that is at least what a warp's barrier asks for.
static inline void wait_for_all() {
    unsigned me = running;
    change(threads[me].context, scheduler);
    threadIdx.x = me;
}
static inline void __syncthreads() { wait_for_all(); }
static inline void __syncwarp() { wait_for_all(); }
template <class T> static inline T __shfl_xor_sync(unsigned, T value, int distance) {
    memcpy(&threads[running].given, &value, sizeof(T));
    wait_for_all();
    T found;
    memcpy(&found, &threads[running ^ distance].given, sizeof(T));
    wait_for_all();
    return found;
}

static void call(int kernel, void **p);
static int called;
static void **pointers;
static void body() {
    call(called, pointers);
    threads[running].done = true;
    change(threads[running].context, scheduler);
    abort();
}

// Threads take turns forwards or backwards: what depends on their order shows as a difference. A kernel in which none
// `waits` for another has each thread run to its end at once.
extern "C" void launch(int kernel, unsigned blocks, unsigned size, void **p, int backwards, int waits) {
    called = kernel, pointers = p;
    gridDim = {blocks, 1, 1}, blockDim = {size, 1, 1};
    while (waits && threads.size() < size) threads.push_back({{}, (char *)malloc(STACK), false, 0});
    for (unsigned b = 0; b < blocks; b++) {
        blockIdx = {backwards ? blocks - 1 - b : b, 0, 0};
        for (unsigned t = 0; !waits && t < size; t++) {
            threadIdx = {backwards ? size - 1 - t : t, 0, 0};
            call(kernel, p);
        }
        for (unsigned t = 0; waits && t < size; t++) {
            threads[t].done = false;
            begin(threads[t].context, threads[t].stack, STACK, body);
        }
        for (unsigned left = waits ? size : 0; left;) {
            left = 0;
            for (unsigned t = 0; t < size; t++) {
                running = backwards ? size - 1 - t : t;
                if (threads[running].done) continue;
                threadIdx = {running, 0, 0};
                change(scheduler, threads[running].context);
                left += !threads[running].done;
            }
        }
    }
}
