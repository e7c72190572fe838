// The numbers behind math.h.
//
// Every polynomial is a weighted least-squares fit in 80 digits at Chebyshev nodes, reweighted by Lawson's rule towards
// the smallest largest relative error; coefficients were rounded one by one, lowest first, the rest fitted again.
#pragma once

namespace ravine::RAVINE_ISA {
namespace {

template <class T>
struct MathConstants;

template <>
struct MathConstants<float> {
  static constexpr int mantissa_bits = 23;
  static constexpr int exponent_bits = 8;
  static constexpr float round = 0x1.8p23f;  // (x + round) - round is the integer nearest to x
  static constexpr float ones = 0x1p23f;     // from here to twice it the last bit counts ones
  static constexpr float min_normal = 0x1p-126f;
  static constexpr float sqrt_half = 0.70710677f;
  // ln 2 in two parts, the first short enough for an exact product with any exponent
  static constexpr float ln2_high = 0.69314575f, ln2_low = 1.4286068e-06f, log2_e = 1.442695f;
  // beyond these e^x is 0 or infinite, and e^x - 1 and tanh x are -1 and 1
  static constexpr float exp_lowest = -104.0f, exp_highest = 89.0f, unit_highest = 20.0f;
  static constexpr int sigmoid_shift = -32;  // 1 and e^x times 2^-32
  static constexpr float sigmoid_one = 0x1p-32f;
  // e^r = 1 + r + r^2 exp(r)
  static constexpr float exp[] = {0.5f, 0.16666548f, 0.041666854f, 0.008366149f, 0.0013898406f};
  // log(1 + f) = f - f^2 / 2 + f^3 log(f)
  static constexpr float log[] = {0.3333333f, -0.2500082f,  0.2000124f, -0.16623418f,
                                  0.1420158f, -0.13159445f, 0.1276222f, -0.076370135f};
  // atanh(s) = s + s^3 / 3 + s^5 atanh(s^2) / 2
  static constexpr float two_thirds_high = 0.6666667f, two_thirds_low = -1.9868216e-08f;
  static constexpr float atanh[] = {0.40000153f, 0.285471f, 0.23419274f};
  // sin(pi x) = pi x + x^3 sin(x^2), cos(pi x) = 1 + x^2 cos(x^2)
  static constexpr float pi_high = 3.1415927f, pi_low = -8.742278e-08f;
  static constexpr float sin[] = {-5.1677094f, 2.5498197f, -0.5895748f};
  static constexpr float cos[] = {-4.934802f, 4.058698f, -1.3348162f, 0.22954988f};
  // erf(x) = x + x erf(x^2) up to erf_seam, 1 - e^erfc(x) after it
  static constexpr float erf_seam = 0.925f, erf_highest = 4.0f;
  static constexpr float erf[] = {0.12837915f, -0.3761249f, 0.11281731f, -0.026762966f, 0.0049873544f, -0.0005959607f};
  static constexpr float erfc[] = {-0.00019562413f, -1.1276759f,    -0.6371817f,  -0.10393218f,
                                   0.022227254f,    -0.0030433142f, 0.0001959483f};
};

template <>
struct MathConstants<double> {
  static constexpr int mantissa_bits = 52;
  static constexpr int exponent_bits = 11;
  static constexpr double round = 0x1.8p52;
  static constexpr double ones = 0x1p52;
  static constexpr double min_normal = 0x1p-1022;
  static constexpr double sqrt_half = 0.7071067811865476;
  static constexpr double ln2_high = 0.6931471805598903, ln2_low = 5.497923018708371e-14, log2_e = 1.4426950408889634;
  static constexpr double exp_lowest = -746.0, exp_highest = 710.0, unit_highest = 40.0;
  static constexpr int sigmoid_shift = -512;
  static constexpr double sigmoid_one = 0x1p-512;
  static constexpr double exp[] = {0.5,
                                   0.16666666666666605,
                                   0.04166666666661927,
                                   0.00833333333338622,
                                   0.0013888888920872582,
                                   0.00019841269714828994,
                                   2.4801515806580596e-05,
                                   2.75574195740004e-06,
                                   2.762247243331581e-07,
                                   2.5047818010229364e-08};
  // log(1 + f) = 2 s + s^3 log(s^2), s = f / (2 + f)
  static constexpr double log[] = {0.6666666666666734,  0.3999999999941748, 0.2857142874176554, 0.22222198635558407,
                                   0.18183561180886443, 0.1531412848623849, 0.14795194319034233};
  static constexpr double two_thirds_high = 0.6666666666666666, two_thirds_low = 3.700743415417188e-17;
  static constexpr double atanh[] = {0.4000000000000225,  0.2857142857010214,  0.22222222519455084, 0.18181784408940765,
                                     0.15386755378008882, 0.13256863562071936, 0.13195902336934534};
  static constexpr double pi_high = 3.141592653589793, pi_low = 1.2246467991473532e-16;
  static constexpr double sin[] = {-5.16771278004996,   2.5501640398740526,   -0.5992645289772746,
                                   0.08214587018501177, -0.00737003438536196, 0.00046159429052701316};
  static constexpr double cos[] = {-4.934802200544679,     4.058712126416683,     -1.3352627688461316,
                                   0.23533062994182002,    -0.025806880102198324, 0.001929403907530603,
                                   -0.00010329503677037904};
  static constexpr double erf_seam = 0.995, erf_highest = 6.0;
  static constexpr double erf[] = {0.12837916709551256,    -0.3761263890318346,     0.11283791670942682,
                                   -0.026866170642935783,  0.005223977604969872,    -0.0008548325883254658,
                                   0.00012055292387651379, -1.4924692137140856e-05, 1.6446908333197196e-06,
                                   -1.620476022620293e-07, 1.3704812274877518e-08,  -7.768812477972204e-10};
  static constexpr double erfc[] = {-4.704189750906998e-07, -1.1283743917594062,    -0.6366423197536096,
                                    -0.10270693105000463,   0.018996612195516606,   0.00040194413457949837,
                                    -0.0019070531456055904, 0.0007635931513246002,  -0.00013066653916655004,
                                    -2.241612380442693e-05, 2.3653486493861555e-05, -8.919016431632732e-06,
                                    2.1947826095193613e-06, -3.838180879694639e-07, 4.7792433639221485e-08,
                                    -4.057318221689183e-09, 2.1130753318383904e-10, -5.1034919552266554e-12};
};

}  // namespace
}  // namespace ravine::RAVINE_ISA
