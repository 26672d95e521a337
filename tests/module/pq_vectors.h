/* Published answers for the post-quantum algorithms. Where a value is long, its first and its last bytes are here. */
#ifndef BULLA_TESTS_PQ_VECTORS_H
#define BULLA_TESTS_PQ_VECTORS_H

#include "pq_keys.h"

/* Decapsulation: C2SP/wycheproof, testvectors_v1/mlkem_512_test.json (test 2), mlkem_768_test.json and
 * mlkem_1024_test.json (test 1 of each; their ciphertexts are no encapsulations, so that the key is the one of implicit
 * rejection, and depends on the second half of the seed). */
#define ML_KEM_512_SEED                                                                                                \
    "7c9935a0b07694aa0c6d10e4db6b1add2fd81a25ccb148032dcd739936737f2d8626ed79d451140800e03b59b956f8210e556067"         \
    "407d13dc90fa9e8b872bfb8f"
#define ML_KEM_512_CIPHERTEXT                                                                                          \
    "113db2dd06871235e7bc36c9dcaa528fc26ce5db9ecc1dc32e957d7ffb3c7429d50c3c3577a515d3183a1b9d267b936b7eb8f543"         \
    "a3afb77765ca7938f78aa6438ce80a06a6966d0d06af75ba3e0d4f37bac73369f5a729f73e85729edd97c8c2a8cc2619e4cf7b60"         \
    "91869e909fd47d9709149204b0837d8d6f25d267972be63bad34b544523c01c09de3b1fa1d6b7b059eee9e652062fe870f68c680"         \
    "05339ea181e1d0767c152aeb38faf0f9245ae59d5cb0d2b7f201229ed97020d0623a46100d097b0ce1154e028ae6194de05de97d"         \
    "d9ae2e85ffd25d95eb22effe5ba19cd807c530ebaa9fe9f642ccacff47ed15c22bfe3036ebf8ad9c8ed23240aeebaa24d1357551"         \
    "00b85ecee3174906e46312062ceecac75de5275256c2c1a653fd6915b1b30c8ecbb6fd4280437453173a96238bc7d108892343e0"         \
    "33bcd98e437e789fc5bebaa12b2634b51ed0d589f11143a021d8ecce594fdd48dae84c8063ef3581bc378a48da4e51bb175b0db4"         \
    "7f9dcf99318c30225ca7fa79c879bf1c9397b5ccc5efad94c500ed7f9f385d088e34932221fc0fc9afe51f687554813169769547"         \
    "8abdc8736f10095a6b92ec679fe0e2ae5d8b335355d58dae4d4f0b17aa5d1e52f1d45584a892c34ce4b04fcd00981d51caa16064"         \
    "bad92d019dc3aded919684112b29daa28b9dae09b86b21a93310d5fbc6527b224b9ce87d2782bb294673f0ec06f26b087652a18d"         \
    "6ad7b1c93303ef0561c0fc9cd4f678f606f192cf5df92b1548f5dd2687edbeccfc6d4e9de4bd50d3c74fb275abd9b3e90277db4a"         \
    "0069c0a2a7136f50cead4b2f1995faaf168040e9e4beb7c5722049d6da6402992fcea45097df7c1c20fb068222000576935a0806"         \
    "773451921f54c55fbf593a4f147c1fef3acaf0cfa907ae48c8c06312cfdf5186904bec7fed4ed933c9256ab04cbfa03a967c1f7e"         \
    "ad4ab40df116be660e27ca2b543526d4b9684c31e1e42383b969f896299d71390cc85b703202acadecfa8c40965c08c53b5671e0"         \
    "d59455bc5a8586c655db8c2ade4ba8877f19b6000e18f8feadda7ede8fe80aa662d694c6d8c33b52"
#define ML_KEM_512_KEY "319839e82ab6b222de7b619e80da8391522bbb37677018494a4742c53f9abfdf"
#define ML_KEM_768_SEED                                                                                                \
    "cbfc4405d1b2a3a386c94c25e0f2d5f5ee92cb0388ff4d6aa04223086d51c3fd24752da14c9fc3b8ae0d9e4a8b1016b8d8fc69e2"         \
    "29c03ea2ef08a4ae0cffc37f"
#define ML_KEM_768_CIPHERTEXT                                                                                          \
    "00e96c44eb5f5380d80b4cb05d608971a28fbe838b912b558bf9676c6c67c9692ed6ea063fc47b70d5d6004825c269b9cb8e68b5"         \
    "728d67f44844d97686a11154e3cbd4a6f9e47524d93d851bdce480d7762ded09be53d17cce3ee28dc5a06911c062b99b218355dd"         \
    "5822108c55e2c67f7ea0b74b6189b33b4589d8ff9d0c867d13edaaf1c5f724675320beda3e6acc673c048fa04a1b30f899227d5a"         \
    "555e08a412a47b7db75eb118a8844a71b186880426f6bb6e77186d18e753cbcce93c9fb76c729875b4d473eeca8dab9941969fae"         \
    "f04df9ce3178e7341eab416d28bb7aee12bfb8f4c3df814eff45a0187329079acfc41a8e8dba7b08d111f02e37a1d2b69e57eef8"         \
    "08fcc6ae23385534a420a93dfb6a95c73e2f1016177c4fe9d3ced769e277293aaceded6d07efc7890eaa885bd1e73f9e5da2b9cf"         \
    "da0d44cbc9090705ac2ce3e7bcd7775b593c706e45ddc97d3a65d9b7e73673f9473df5bfec689671f73e7f6ee77c730a8ebda1f0"         \
    "b2c112a71904d6f28a51d8d479f8323fb485e722f5c4d5857e95989a9cbaf273efd04fc3cbde98baa9969e095e88accecfbd12ef"         \
    "2155497a5b15fe91a70d1106b91a568363bfc2d6736cc8138cbc41ddf1e54fd40511e27d89e2c26c027b63c156e2bbb998faaed3"         \
    "d72186f0cc626dad39a782dcda2087fd13a9498e10b41b685646a227ea1166a5632c195983f4aba2b718b4074030d57126d34c38"         \
    "349892007acbea9e393b967dc3146b270f080a1f0bee90d65a095a6352a7718ed1717a8025a2bd38c66d120baf4247676a1fe044"         \
    "a57ce268c078f8ff46cc26fe4f9c7a03d6467adacb8418d26273662bce1f7bc00b906e0088e95dc0fb419e2232e85aac77b9e7cd"         \
    "563e604de5e1d3e9693dcd3b19865cf4250773691e7e0af9c2755cd31f49d1f96708f3ba2f0b98184525abb869e12d5cea0ac174"         \
    "0181a875035300b05a54b8d42ee3b4ae92b06e43cd807e2b096c977f23c61ef8c989c52ed83754076dea1323f639250bef61bdf9"         \
    "03bf7961cec89ba6942d9d0647ac9c8195d93ed8abcedf25754644035719a5a0a1c8c0798912726a9a8258e4c10ae7485322ed9b"         \
    "a331f6f090c4b492a4fcf53d753cd34f28ec0443fce0724f43c89a3942169d5099a8f7430f38691ebce2e3fe4f600d82c7ccedf6"         \
    "0673f8e5d4c1a9f84b8b5b23f5ed63defb6a7205e0a8b105bdc6ff4568fc78cb4456b02fedb7f4c48f6fd6b69216a3319821039d"         \
    "b40e19a31a0b0c9d471d5a7a73865d26f8be3595525b1ec4a8579efd07ea98e2602e2bffdfd8febc5c7b4c736d326b5030ccc6fa"         \
    "f9420a9c156a8f4516b9fff675459dfdcd4ef85d7adbdffd60f4a39628e399cc752c2e99ab2f431dc765e7c9d206bfe32649fbef"         \
    "4ef48b1d7936fc74766d724350ee2245a8d5f23fbc6c7ed8b57168ce1e864e49d7f8c475dcda140bd42473825b3c72eb8c547801"         \
    "88813011e1962a503f9b516e13226de6375b204733b0192183c8f55e870e61cf8947c3191790bc0b657bc43aebc9d86c"
#define ML_KEM_768_KEY "76c10bb1d86d96d7eb18e298363e51f7728e113f455df7d15017940ed3541451"
#define ML_KEM_1024_SEED                                                                                               \
    "8247c17686a8bc0b3afebe6bed1df1dc3ff7fa07c3670f624930235f20aecb4353ece11faa61f47d946ee501abb9a48029096de6"         \
    "3b243a1794c4a760f98cc157"
#define ML_KEM_1024_CIPHERTEXT                                                                                         \
    "001d80376f40a555c9590838e4dd953cfb9a30edf7768f0f35b298c69eb459a42e081f79b419391b14347254849f1ddeac6d0397"         \
    "5f22c9bd0e7a27cef18432e1d42b75d3845130cec8cd2387007116f7b21f69d196eb3340a44d4b3d92b2acfa420ce4654063d0e7"         \
    "39ffb9238990c117454ed017d33bd63bc1c2da9adc52cb0fa2dc90f6f7482e3072f4d620d65afab8e908943dd7a4e91ed4e12b91"         \
    "47656a8fe758abdfa2d5d2d810edb4409ab09332b9dddccdc6cabf8d89633c609a0a005af2f4fac6baf70315103825531f513f9f"         \
    "c9f6d088cf28b54ff6fba4725e6ee291131b778058a45ed49bea10c1aa0aed05796a3bc88a1a45bc63a01b3646521e7968bdb0ea"         \
    "b72758a6f025411814013e123fe354484f4380a218f6f0b6876bf4a225766890ab191b6ffdf84fc19521533b58cc518a5f40d7e2"         \
    "861e9a51c297e3abfe8b36674a066bdbb52390b6e2c91d0a6e1ae66210f3e700344d1a75978945ac9ef7fe72a7c1f6939690cd33"         \
    "e11ef3a9efbb9dc3285254af07121758aad87d34a85231b63f23a6b81a2e5bd232c0138ff574417d2b1fcbde45b686ed6348da7b"         \
    "b2cef151285ee52f4e0e214139f812a68df69459706baf85e31a0073623c7faec1c0b99d86d34fd3a7145210c1870f37687f8d4c"         \
    "94849a22dd1099cd8c730969fcf8e1cc4c1af623f89bb0f2e3b6e4a4c37b6d4d7c8f66df8c384c66264e7a4b35e893cf7424642d"         \
    "b20a844aef74a12f1dd244bd331101486babee54b326440f9f9b97e1f1a603146b42b8266a05781ec8bfff57bab186973a9b7bff"         \
    "a60ff246a01d2c9259950e94e9df25dca30c59890280636dee43f83510ddf7de2a5f77a78854cde70ead0943bac7895ee10d363a"         \
    "9334a1d502c282671161a2355f1d4be99a1f9f67e687b9851caf8a3db107940b1ab4481084f8a96053c6205a207ca19043f8d200"         \
    "90ef245557c6b7c1bd2065d2db7f8343acdcd9f7341491c665a8842c19e19d12ab36b01ec68c95bfd9226aa10370ea1b71f08b32"         \
    "6f7817a96c53132d7b5004fa00ecf1d6204198fc785b05438bc687cba235e5c2211d8e1e1f211664f240c3c2e4f4a1990943ec83"         \
    "ad80141beceba6e31384c0aa148783872593c0ce9e002cb2af6de35845dc1fcd6e7d5da96b6e8cf3a4cab1d6490ad18203cdac1a"         \
    "77f608c8460d21230ac8470f841c6c17f5a1faff871c27c5a9e0e93a20b5c1e17d8f7a5c74065ab192c33d08d0c603226a01b9f5"         \
    "976e0f06625baa7f90554ee805d7ee242cb54d3183758bf948ea31024fa3aa368cfc8ba7df1474a4388e84e3f79617080a96ce3a"         \
    "f88ce5e1b9ba02871c2e6a54d0fc05050295f5f9a638a63c51428bc935c7f539cdd90a5501b8832a3bea490657f026ec6745d4b3"         \
    "0f518e6f4b2bee0afb65b34df1d81a4751aed0865b9cb01f4cdc65cab3ee1b3e988b23c0f2c63cb16e305d4c7b69a2ebac8471d6"         \
    "d61412004bbbd4550debbf64c49f5975df1f4bef53281fbadda4a5fb7dfa63e7261499a74c7f3af2026a997c1fdcde6c07fb3ce7"         \
    "20a450f9de6970d6121706245e4cd2332247c6cce84085afbf7fab4f7f1fa98626646630e48e2dab8cb21661c306a22ebd7243be"         \
    "b7fc3c6cf57088a40d05c2381fef655c42817f1bb95de7d20f38d02fc1e3b2d6852b2a8f3a4dd4a262ada59f48482e44468c10c0"         \
    "506368c305ee4efc93d60adac26c13258739640890762077e771ecb57c01efbb895c65a9eb1a2c479f1ad7434377331738a20348"         \
    "40682de3ae673ce47e3e54172556a3a543066fd5e30473c33641ffe90144bbe15d68b5e8ab9c063f48edb3a4480356e7a7ddef32"         \
    "c60f0edffcf1c5fef4eb488476794f42af7b66eb01b19bfba59cacd157d485037b2c383add0cf2ff727c1056a466930e46e3f081"         \
    "af429a45e5ccdfe8e0f3c210474eb0156744c7d5486f761910083b6a8fba1898a52b112b96b4b3387f2f3e4000aa0854781b029e"         \
    "8c01f3f09f0cd361eaaa56a89b2a054a1805248e89ddc32dc8a3e53333595686e4e7b076340076a29c1c0f4f1232af35527e8d35"         \
    "f887e7fe524991b5b74da3b02dc26f7227595c096fd40541b86e7f0705cebd4c2a134c14e8f9eef94fa609a305e6a429f290404f"         \
    "1043c1666387df4bafc2308dc4eb2539c01dedc23d9c2018a9c5cdec50475a8f8ee32d9d13d79b304dcf69b949be7877fab4752b"         \
    "45b9ee04622123db"
#define ML_KEM_1024_KEY "c6338bf92f3930b95f81d87fe669fabc42aaa549e8fecfbfdbe237d739fe4d96"

/* Key generation: the seed, and 32 bytes of the public key from its beginning and from its end: C2SP/wycheproof,
 * the tests above and testvectors_v1/mldsa_*_sign_seed_test.json. */
static const struct pq_key_vector {
    int set;
    const char *seed, *first, *last;
} pq_key_vectors[] = {
    {PQ_ML_KEM_512,
        "7c9935a0b07694aa0c6d10e4db6b1add2fd81a25ccb148032dcd739936737f2d8626ed79d451140800e03b59b956f8210e556067407d13"
        "dc90fa9e8b872bfb8f",
        "400865ed10b619aa5811139bc086825782b2b7124f757c83ae794444bc78a478",
        "7efb9e40c3bf0ff0432986ae4bc1a242ce9921aa9e22448819585dea308eb039"},
    {PQ_ML_KEM_768,
        "cbfc4405d1b2a3a386c94c25e0f2d5f5ee92cb0388ff4d6aa04223086d51c3fd24752da14c9fc3b8ae0d9e4a8b1016b8d8fc69e229c03e"
        "a2ef08a4ae0cffc37f",
        "8b9a7354e8c1c17a9898f96caf99bba1c625ae0983c4d26e60c12f59bc25d756",
        "486a6822b9bbf59fbfcaedc13284b9813cabdd526e326a6832d3b36efc3102ef"},
    {PQ_ML_KEM_1024,
        "8247c17686a8bc0b3afebe6bed1df1dc3ff7fa07c3670f624930235f20aecb4353ece11faa61f47d946ee501abb9a48029096de63b243a"
        "1794c4a760f98cc157",
        "a22bc758f65682632313e5c786952a5a144e9747791a4a382c74618b879e6fd8",
        "d128410ed993d5e6b3f011342518beb7be48573d1adb2b712ebe6f7b79802ff3"},
    {PQ_ML_DSA_44, "2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a",
        "db9ac67708f2ba0fac1f92bd802f9be89ecab966feef59872a1a9ac90b111117",
        "155be61f0723c274388a532abe29dd7023e327085f4c9dda41839b7b3357ab9d"},
    {PQ_ML_DSA_65, "2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a",
        "f5408337d0fee65c28851226a5fa81b58464632c78e2a9bef70d330f2e3a5f74",
        "f47c4f219d3a2cb0176bc2236455123c1c5da714ad29d580fb194f87173a18dc"},
    {PQ_ML_DSA_87, "2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a",
        "17a508179b35057099111733da28fd1a2265de7d8ab22d5279f13bca84cc42a5",
        "df6e2f5f5fa0a9f0463eee938b30adf3e55664f94d274cd87dea901a7e08e805"},
};

/* Private keys of SLH-DSA, whose second half is the public key: ACVP-Server, gen-val/json-files/SLH-DSA-keyGen-FIPS205
 * (tests 1, 11, 21 and 31). */
static const struct pq_private_vector {
    int set;
    const char *value;
} pq_private_vectors[] = {
    {PQ_SLH_DSA_SHA2_128S, "aa9cc7dca491fc86bcb15a709a15e9b3905c800b6e2fb9b54b6b050ee5e4de9afa5464d1c661fed38b2a51ca3ea"
                           "e71bacae3d1865215e3d3850e8c1b8292bf42"},
    {PQ_SLH_DSA_SHAKE_128S, "ecd0a05696c2ec6bfe85b8b1b2022486bfd8732b1a42cea236e9822aa9e724e637d664792198176c12e8121ccf"
                            "69e684fcf6ffe2a04243dc3e8ed3ee6e44cdef"},
    {PQ_SLH_DSA_SHA2_128F, "e2bdaa37c8cffe5e8d5676c23267890c31441758f573285881cdc82ab911dd8472dc8d26df6ef708f4c41af9fd0"
                           "4b65a8927927229891d47a60d67ecef3d2c17"},
    {PQ_SLH_DSA_SHAKE_128F, "bbc74306f75dc2daf7372b3c9841a4d6852c17b459f1692b8e9a1a0dace5ba26380c99304a0ddd32f344b95144"
                            "e1fdef60bbc2340e08770fb41a80a76cb08e34"},
};

/* Deterministic signatures of "Hello world" by the keys above: C2SP/wycheproof, testvectors_v1/
 * mldsa_*_sign_seed_test.json (tests 1 and 3). */
static const struct pq_signature_vector {
    int set;
    const char *context, *first, *last; /* NULL: the bytes are not here */
} pq_signature_vectors[] = {
    {PQ_ML_DSA_44, NULL, "1aa69cb5ed35204534f25f40a17eb0d767f8981f5e7cec46d3bf3252bfc78e09",
        "484957595badbcbfc8fa000000000000000000000000000000000000121f323e"},
    {PQ_ML_DSA_44, "Context", "e11d24772c24efc107ae3abb0149817436f11684d3548748cba19fc0b373ddcb", NULL},
    {PQ_ML_DSA_65, NULL, "69da5aec6d5f58fbf29439c520bd68b966e3dd2ca633b68351c2862344713a1e",
        "7fb7cee40e1d565e6566697e8f9300000000000000000000000005101318212b"},
    {PQ_ML_DSA_87, NULL, "ba4275ff54c22d2d09ea1937a0667362acd44925c6d6965fad350b111d1cbcce", NULL},
};

#endif
