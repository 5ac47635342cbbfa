/* feed DEVICE CLIP WIDTH HEIGHT FPS: plays one YUYV frame again and again into a loopback camera.
 * CLIP is opened anew for every frame, so that a link that changes shows another picture at once. */
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(int count, char **arguments) {
    if (count != 6) {
        fprintf(stderr, "feed DEVICE CLIP WIDTH HEIGHT FPS\n");
        return 2;
    }
    int width = atoi(arguments[3]), height = atoi(arguments[4]), fps = atoi(arguments[5]);
    size_t bytes = (size_t)width * height * 2;
    char *frame = malloc(bytes);
    int camera = open(arguments[1], O_RDWR);
    if (camera < 0 || !frame) {
        perror(arguments[1]);
        return 1;
    }
    struct v4l2_format format = {.type = V4L2_BUF_TYPE_VIDEO_OUTPUT};
    format.fmt.pix.width = width;
    format.fmt.pix.height = height;
    format.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
    format.fmt.pix.field = V4L2_FIELD_NONE;
    format.fmt.pix.bytesperline = width * 2;
    format.fmt.pix.sizeimage = bytes;
    format.fmt.pix.colorspace = V4L2_COLORSPACE_SRGB;
    if (ioctl(camera, VIDIOC_S_FMT, &format) < 0) {
        perror("VIDIOC_S_FMT");
        return 1;
    }
    struct v4l2_streamparm pace = {.type = V4L2_BUF_TYPE_VIDEO_OUTPUT};
    pace.parm.output.timeperframe.numerator = 1;
    pace.parm.output.timeperframe.denominator = fps;
    ioctl(camera, VIDIOC_S_PARM, &pace);
    for (;;) {
        FILE *clip = fopen(arguments[2], "rb");
        if (clip) {
            size_t got = fread(frame, 1, bytes, clip);
            fclose(clip);
            if (got == bytes && write(camera, frame, bytes) != (ssize_t)bytes) {
                perror("write");
                return 1;
            }
        }
        usleep(1000000 / fps);
    }
}
