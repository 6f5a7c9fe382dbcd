// A driver that shows two GPUs of compute capability 9.0.
#include <stdlib.h>

int cuInit(unsigned flags) { return 0; }
int cuDriverGetVersion(int *version) { *version = 13020; return 0; }
int cuDeviceGetCount(int *count) {
    const char *gpus = getenv("XPNET_STAND_IN_GPUS");
    *count = gpus ? atoi(gpus) : 2;
    return 0;
}
int cuDeviceGet(int *device, int number) { *device = number; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) { *value = attribute == 75 ? 9 : 0; return 0; }
