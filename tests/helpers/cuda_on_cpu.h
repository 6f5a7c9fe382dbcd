// CUDA's words for kernels on a CPU: a block's threads take turns, and change where CUDA would have them wait.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>
#include <ucontext.h>
using namespace std;

#define __global__
#define __shared__ static

struct Dim3 { unsigned x, y, z; };
static Dim3 gridDim, blockDim, blockIdx, threadIdx;

static inline float __int_as_float(int32_t bits) { float f; memcpy(&f, &bits, 4); return f; }
static inline double __longlong_as_double(int64_t bits) { double d; memcpy(&d, &bits, 8); return d; }

struct Thread { ucontext_t context; vector<char> stack; bool done; double given; };
static vector<Thread> threads;
static ucontext_t scheduler;
static unsigned running;

// All threads of the block come here before one goes on; that is at least what a warp's barrier asks for.
static inline void wait_for_all() {
    swapcontext(&threads[running].context, &scheduler);
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
    swapcontext(&threads[running].context, &scheduler);
}

// Threads take turns forwards or backwards: what depends on their order shows as a difference.
extern "C" void launch(int kernel, unsigned blocks, unsigned size, void **p, int backwards) {
    called = kernel, pointers = p;
    gridDim = {blocks, 1, 1}, blockDim = {size, 1, 1};
    threads.resize(size);
    for (unsigned b = 0; b < blocks; b++) {
        blockIdx = {backwards ? blocks - 1 - b : b, 0, 0};
        for (Thread &thread : threads) {
            thread.stack.resize(16384), thread.done = false;
            getcontext(&thread.context);
            thread.context.uc_stack.ss_sp = thread.stack.data();
            thread.context.uc_stack.ss_size = thread.stack.size();
            makecontext(&thread.context, body, 0);
        }
        for (unsigned left = size; left;) {
            left = 0;
            for (unsigned t = 0; t < size; t++) {
                running = backwards ? size - 1 - t : t;
                if (threads[running].done) continue;
                threadIdx = {running, 0, 0};
                swapcontext(&scheduler, &threads[running].context);
                left += !threads[running].done;
            }
        }
    }
}
