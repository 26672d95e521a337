/* Writes a tiny BertModel as a Hugging Face folder: make_model FOLDER. For tests that need one on the disk. */
#include <stdio.h>
#include <sys/stat.h>

#include "inference/tiny_model.h"
#include "support/folder.h"

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    struct tiny_model *model = tiny_make(2, 2, 32, 64, "F32", "");
    tiny_write(model);
    (void)mkdir(argv[1], 0755);
    for (size_t i = 0; i < model->files.count; i++) {
        char path[1024];
        test_folder_join(path, sizeof path, argv[1], model->files.files[i].name);
        test_file_write(path, model->files.files[i].data, model->files.files[i].size);
    }
    tiny_free(model);
    return 0;
}
