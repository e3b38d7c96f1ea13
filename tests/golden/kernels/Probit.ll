; margin: -log_ndtr(m)
; inputs y, z; parameters none; outputs value, gradient, hessian
; 4 rows at a time, double in memory

%reals = type <4 x double>
%bits = type <4 x i64>
%truths = type <4 x i1>
%stored = type <4 x double>
%results = type { %reals, %reals, %reals }

define private %results @formula(%reals %y, %reals %z) alwaysinline {
  ; up = gt(y, 0.0)
  %up = fcmp ogt %reals %y, splat (double 0.0)
  ; s = where(up, 1.0, -1.0)
  %s = select %truths %up, %reals splat (double 1.0), %reals splat (double -1.0)
  ; m = mul(s, z)
  %m = fmul %reals %s, %z
  ; v3 = log_ndtr(m)
  %log_ndtr.1 = call %reals @llvm.fabs.v4f64(%reals %m)
  %tail_variable.1 = fcmp ogt %reals %log_ndtr.1, splat (double 1.0e+300)
  %tail_variable.2 = fcmp olt %reals %log_ndtr.1, splat (double 0.0)
  %tail_variable.3 = select %truths %tail_variable.2, %reals splat (double 0.0), %reals %log_ndtr.1
  %tail_variable.4 = select %truths %tail_variable.1, %reals splat (double 1.0e+300), %reals %tail_variable.3
  %tail_variable.5 = fsub %reals %tail_variable.4, splat (double 5.0)
  %tail_variable.6 = fadd %reals %tail_variable.4, splat (double 5.0)
  %tail_variable.7 = fdiv %reals %tail_variable.5, %tail_variable.6
  %polynomial.tail.1 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double 0.019854183146478143), %reals splat (double -0.01682997250943374))
  %polynomial.tail.2 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double 0.006046231791632449), %reals splat (double -0.013372141293149413))
  %polynomial.tail.3 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double 3.4647004457241395e-05), %reals splat (double -0.0016321621898237853))
  %polynomial.tail.4 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double -5.341550882375363e-05), %reals splat (double 0.00017024860786941866))
  %polynomial.tail.5 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double 8.806416473375404e-06), %reals splat (double -8.56706786570967e-06))
  %polynomial.tail.6 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double -1.260088462638494e-06), %reals splat (double -2.0570593027872544e-07))
  %polynomial.tail.7 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double 1.9035601142128756e-07), %reals splat (double 1.438434999602695e-07))
  %polynomial.tail.8 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double -3.168006737033899e-08), %reals splat (double -2.9059438630368397e-08))
  %polynomial.tail.9 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double 5.456828343411665e-09), %reals splat (double 4.385035045151926e-09))
  %polynomial.tail.10 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double -8.099068326914215e-10), %reals splat (double -4.884244444671915e-10))
  %polynomial.tail.11 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double 7.051438654626181e-11), %reals splat (double 3.017536814720846e-11))
  %polynomial.tail.12 = fmul %reals %tail_variable.7, %tail_variable.7
  %polynomial.tail.13 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.12, %reals %polynomial.tail.2, %reals %polynomial.tail.1)
  %polynomial.tail.14 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.12, %reals %polynomial.tail.4, %reals %polynomial.tail.3)
  %polynomial.tail.15 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.12, %reals %polynomial.tail.6, %reals %polynomial.tail.5)
  %polynomial.tail.16 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.12, %reals %polynomial.tail.8, %reals %polynomial.tail.7)
  %polynomial.tail.17 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.12, %reals %polynomial.tail.10, %reals %polynomial.tail.9)
  %polynomial.tail.18 = fmul %reals %polynomial.tail.12, %polynomial.tail.12
  %polynomial.tail.19 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.18, %reals %polynomial.tail.14, %reals %polynomial.tail.13)
  %polynomial.tail.20 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.18, %reals %polynomial.tail.16, %reals %polynomial.tail.15)
  %polynomial.tail.21 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.18, %reals %polynomial.tail.11, %reals %polynomial.tail.17)
  %polynomial.tail.22 = fmul %reals %polynomial.tail.18, %polynomial.tail.18
  %polynomial.tail.23 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.22, %reals %polynomial.tail.20, %reals %polynomial.tail.19)
  %polynomial.tail.24 = fmul %reals %polynomial.tail.22, %polynomial.tail.22
  %polynomial.tail.25 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.24, %reals %polynomial.tail.21, %reals %polynomial.tail.23)
  %polynomial.tail.26 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals %polynomial.tail.25, %reals splat (double -0.0061744230676071005))
  %polynomial.tail.27 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals %polynomial.tail.26, %reals splat (double 0.05424413080316351))
  %polynomial.tail.28 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals %polynomial.tail.27, %reals splat (double -0.12024379288681132))
  %polynomial.tail.29 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals %polynomial.tail.28, %reals splat (double 0.476899690845039))
  %tail.1 = fadd %reals %tail_variable.4, splat (double 1.2)
  %log_ndtr.2 = fdiv %reals %polynomial.tail.29, %tail.1
  %log_ndtr.3 = fmul %reals %log_ndtr.1, splat (double -0.5)
  %log_split_any.1 = fcmp olt %reals %log_ndtr.2, splat (double 2.2250738585072014e-308)
  %log_split_any.2 = fmul %reals %log_ndtr.2, splat (double 1.8014398509481984e+16)
  %log_split_any.3 = select %truths %log_split_any.1, %reals %log_split_any.2, %reals %log_ndtr.2
  %log_split_any.4 = bitcast %reals %log_split_any.3 to %bits
  %log_split.1 = sub %bits %log_split_any.4, splat (i64 4604544271217802189)
  %log_split.2 = ashr %bits %log_split.1, splat (i64 52)
  %log_split.3 = shl %bits %log_split.2, splat (i64 52)
  %log_split.4 = sub %bits %log_split_any.4, %log_split.3
  %log_split.5 = bitcast %bits %log_split.4 to %reals
  %as_real.1 = add %bits %log_split.2, splat (i64 4843621399236968448)
  %as_real.2 = bitcast %bits %as_real.1 to %reals
  %as_real.3 = fsub %reals %as_real.2, splat (double 6755399441055744.0)
  %log_split_any.5 = select %truths %log_split_any.1, %reals splat (double 54.0), %reals splat (double 0.0)
  %log_split_any.6 = fsub %reals %as_real.3, %log_split_any.5
  %log.1 = fsub %reals %log_split.5, splat (double 1.0)
  %log_rest_part.1 = fadd %reals %log.1, splat (double 2.0)
  %log_rest_part.2 = fdiv %reals %log.1, %log_rest_part.1
  %log_rest_part.3 = fmul %reals %log.1, %log.1
  %log_rest_part.4 = fmul %reals %log_rest_part.3, splat (double 0.5)
  %log_rest_part.5 = fmul %reals %log_rest_part.2, %log_rest_part.2
  %polynomial.log.1 = call %reals @llvm.fma.v4f64(%reals %log_rest_part.5, %reals splat (double 0.3999999999989819), %reals splat (double 0.666666666666667))
  %polynomial.log.2 = call %reals @llvm.fma.v4f64(%reals %log_rest_part.5, %reals splat (double 0.2222221103781659), %reals splat (double 0.28571428626570206))
  %polynomial.log.3 = call %reals @llvm.fma.v4f64(%reals %log_rest_part.5, %reals splat (double 0.15331487235865734), %reals splat (double 0.18182896183483085))
  %polynomial.log.4 = fmul %reals %log_rest_part.5, %log_rest_part.5
  %polynomial.log.5 = call %reals @llvm.fma.v4f64(%reals %polynomial.log.4, %reals %polynomial.log.2, %reals %polynomial.log.1)
  %polynomial.log.6 = call %reals @llvm.fma.v4f64(%reals %polynomial.log.4, %reals splat (double 0.14619343453512615), %reals %polynomial.log.3)
  %polynomial.log.7 = fmul %reals %polynomial.log.4, %polynomial.log.4
  %polynomial.log.8 = call %reals @llvm.fma.v4f64(%reals %polynomial.log.7, %reals %polynomial.log.6, %reals %polynomial.log.5)
  %log_rest_part.6 = call %reals @llvm.fma.v4f64(%reals %log_rest_part.5, %reals %polynomial.log.8, %reals %log_rest_part.4)
  %log_rest_part.7 = fmul %reals %log_split_any.6, splat (double 1.9082149292705877e-10)
  %log_rest_part.8 = call %reals @llvm.fma.v4f64(%reals %log_rest_part.2, %reals %log_rest_part.6, %reals %log_rest_part.7)
  %log_rest_part.9 = fsub %reals %log_rest_part.8, %log_rest_part.4
  %log_joined.1 = fadd %reals %log_rest_part.9, %log.1
  %log_joined.2 = call %reals @llvm.fma.v4f64(%reals %log_split_any.6, %reals splat (double 0.6931471803691238), %reals %log_joined.1)
  %log_ends.1 = fcmp olt %reals %log_ndtr.2, splat (double 0x7FF0000000000000)
  %log_ends.2 = select %truths %log_ends.1, %reals %log_joined.2, %reals %log_ndtr.2
  %log_ends.3 = fcmp ogt %reals %log_ndtr.2, splat (double 0.0)
  %log_ends.4 = fcmp oeq %reals %log_ndtr.2, splat (double 0.0)
  %log_ends.5 = select %truths %log_ends.4, %reals splat (double 0xFFF0000000000000), %reals splat (double 0x7FF8000000000000)
  %log_ends.6 = select %truths %log_ends.3, %reals %log_ends.2, %reals %log_ends.5
  %log_ndtr.4 = call %reals @llvm.fma.v4f64(%reals %log_ndtr.3, %reals %log_ndtr.1, %reals %log_ends.6)
  %log_ndtr.5 = fcmp ogt %reals %m, splat (double 0.0)
  %raised_bell.1 = fcmp ogt %reals %log_ndtr.1, splat (double 40.0)
  %raised_bell.2 = select %truths %raised_bell.1, %reals splat (double 40.0), %reals %tail_variable.3
  %raised_bell.3 = fmul %reals %raised_bell.2, %raised_bell.2
  %raised_bell.4 = fmul %reals %raised_bell.3, splat (double -0.5)
  %raised_bell.5 = fneg %reals %raised_bell.3
  %raised_bell.6 = call %reals @llvm.fma.v4f64(%reals %raised_bell.2, %reals %raised_bell.2, %reals %raised_bell.5)
  %raised_bell.7 = fmul %reals %raised_bell.6, splat (double -0.5)
  %raised_decay_of_pair.1 = fcmp olt %reals %raised_bell.4, splat (double -790.0)
  %raised_decay_of_pair.2 = select %truths %raised_decay_of_pair.1, %reals splat (double -790.0), %reals %raised_bell.4
  %reduced.1 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.2, %reals splat (double 1.4426950408889634), %reals splat (double 6755399441055744.0))
  %reduced.2 = fsub %reals %reduced.1, splat (double 6755399441055744.0)
  %reduced.3 = call %reals @llvm.fma.v4f64(%reals %reduced.2, %reals splat (double -0.6931471805599453), %reals %raised_decay_of_pair.2)
  %reduced.4 = call %reals @llvm.fma.v4f64(%reals %reduced.2, %reals splat (double -2.3190468138462996e-17), %reals %reduced.3)
  %raised_decay_of_pair.3 = fadd %reals %reduced.4, %raised_bell.7
  %raised_decay_of_pair.4 = fadd %reals %raised_decay_of_pair.3, splat (double 1.0)
  %raised_decay_of_pair.5 = fmul %reals %raised_decay_of_pair.3, %raised_decay_of_pair.3
  %polynomial.exp.1 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.3, %reals splat (double 0.16666666666666669), %reals splat (double 0.5000000000000001))
  %polynomial.exp.2 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.3, %reals splat (double 0.008333333333330039), %reals splat (double 0.041666666666623824))
  %polynomial.exp.3 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.3, %reals splat (double 0.00019841269863171557), %reals splat (double 0.0013888888917367081))
  %polynomial.exp.4 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.3, %reals splat (double 2.7557268276905696e-06), %reals splat (double 2.4801521057868204e-05))
  %polynomial.exp.5 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.3, %reals splat (double 2.5100472505694996e-08), %reals splat (double 2.7620201591031547e-07))
  %polynomial.exp.6 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.5, %reals %polynomial.exp.2, %reals %polynomial.exp.1)
  %polynomial.exp.7 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.5, %reals %polynomial.exp.4, %reals %polynomial.exp.3)
  %polynomial.exp.8 = fmul %reals %raised_decay_of_pair.5, %raised_decay_of_pair.5
  %polynomial.exp.9 = call %reals @llvm.fma.v4f64(%reals %polynomial.exp.8, %reals %polynomial.exp.7, %reals %polynomial.exp.6)
  %polynomial.exp.10 = fmul %reals %polynomial.exp.8, %polynomial.exp.8
  %polynomial.exp.11 = call %reals @llvm.fma.v4f64(%reals %polynomial.exp.10, %reals %polynomial.exp.5, %reals %polynomial.exp.9)
  %raised_decay_of_pair.6 = fsub %reals %raised_decay_of_pair.4, splat (double 1.0)
  %raised_decay_of_pair.7 = fsub %reals %raised_decay_of_pair.3, %raised_decay_of_pair.6
  %raised_decay_of_pair.8 = fsub %reals %reduced.4, %raised_decay_of_pair.3
  %raised_decay_of_pair.9 = fadd %reals %raised_decay_of_pair.8, %raised_bell.7
  %raised_decay_of_pair.10 = fadd %reals %raised_decay_of_pair.7, %raised_decay_of_pair.9
  %raised_decay_of_pair.11 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.5, %reals %polynomial.exp.11, %reals %raised_decay_of_pair.10)
  %raised_decay_of_pair.12 = fadd %reals %raised_decay_of_pair.4, %raised_decay_of_pair.11
  %power_of_two.1 = bitcast %reals %reduced.1 to %bits
  %power_of_two.2 = shl %bits %power_of_two.1, splat (i64 52)
  %power_of_two.3 = add %bits %power_of_two.2, splat (i64 5183643171103440896)
  %power_of_two.4 = bitcast %bits %power_of_two.3 to %reals
  %raised_decay_of_pair.13 = fmul %reals %raised_decay_of_pair.12, %power_of_two.4
  %log_ndtr.6 = fmul %reals %raised_decay_of_pair.13, %log_ndtr.2
  %lowered.1 = fmul %reals %log_ndtr.6, splat (double 2.938735877055719e-39)
  %log_ndtr.7 = fneg %reals %lowered.1
  %log1p_parts.1 = fadd %reals %log_ndtr.7, splat (double 1.0)
  %log1p_parts.2 = fsub %reals %log1p_parts.1, splat (double 1.0)
  %log1p_parts.3 = fsub %reals %log1p_parts.1, %log1p_parts.2
  %log1p_parts.4 = fsub %reals splat (double 1.0), %log1p_parts.3
  %log1p_parts.5 = fsub %reals %log_ndtr.7, %log1p_parts.2
  %log1p_parts.6 = fadd %reals %log1p_parts.4, %log1p_parts.5
  %log1p_parts.7 = bitcast %reals %log1p_parts.1 to %bits
  %log_split.6 = sub %bits %log1p_parts.7, splat (i64 4604544271217802189)
  %log_split.7 = ashr %bits %log_split.6, splat (i64 52)
  %log_split.8 = shl %bits %log_split.7, splat (i64 52)
  %log_split.9 = sub %bits %log1p_parts.7, %log_split.8
  %log_split.10 = bitcast %bits %log_split.9 to %reals
  %log1p_parts.8 = fsub %reals %log_split.10, splat (double 1.0)
  %log1p_parts.9 = fcmp ogt %reals %log_ndtr.7, splat (double 1.152921504606847e+18)
  %log1p_parts.10 = sub %bits splat (i64 4607182418800017408), %log_split.8
  %log1p_parts.11 = bitcast %bits %log1p_parts.10 to %reals
  %log1p_parts.12 = fmul %reals %log1p_parts.6, %log1p_parts.11
  %log1p_parts.13 = select %truths %log1p_parts.9, %reals splat (double 0.0), %reals %log1p_parts.12
  %log1p_parts.14 = fcmp ogt %reals %log1p_parts.1, splat (double 0.7072)
  %log1p_parts.15 = fcmp olt %reals %log1p_parts.1, splat (double 1.4141)
  %log1p_parts.16 = and %truths %log1p_parts.14, %log1p_parts.15
  %log1p_parts.17 = fadd %reals %log1p_parts.8, %log1p_parts.13
  %log1p_parts.18 = select %truths %log1p_parts.16, %reals %log_ndtr.7, %reals %log1p_parts.17
  %as_real.4 = add %bits %log_split.7, splat (i64 4843621399236968448)
  %as_real.5 = bitcast %bits %as_real.4 to %reals
  %as_real.6 = fsub %reals %as_real.5, splat (double 6755399441055744.0)
  %log1p_parts.19 = select %truths %log1p_parts.16, %reals splat (double 0.0), %reals %as_real.6
  %log_rest_part.10 = fadd %reals %log1p_parts.18, splat (double 2.0)
  %log_rest_part.11 = fdiv %reals %log1p_parts.18, %log_rest_part.10
  %log_rest_part.12 = fmul %reals %log1p_parts.18, %log1p_parts.18
  %log_rest_part.13 = fmul %reals %log_rest_part.12, splat (double 0.5)
  %log_rest_part.14 = fmul %reals %log_rest_part.11, %log_rest_part.11
  %polynomial.log.9 = call %reals @llvm.fma.v4f64(%reals %log_rest_part.14, %reals splat (double 0.3999999999989819), %reals splat (double 0.666666666666667))
  %polynomial.log.10 = call %reals @llvm.fma.v4f64(%reals %log_rest_part.14, %reals splat (double 0.2222221103781659), %reals splat (double 0.28571428626570206))
  %polynomial.log.11 = call %reals @llvm.fma.v4f64(%reals %log_rest_part.14, %reals splat (double 0.15331487235865734), %reals splat (double 0.18182896183483085))
  %polynomial.log.12 = fmul %reals %log_rest_part.14, %log_rest_part.14
  %polynomial.log.13 = call %reals @llvm.fma.v4f64(%reals %polynomial.log.12, %reals %polynomial.log.10, %reals %polynomial.log.9)
  %polynomial.log.14 = call %reals @llvm.fma.v4f64(%reals %polynomial.log.12, %reals splat (double 0.14619343453512615), %reals %polynomial.log.11)
  %polynomial.log.15 = fmul %reals %polynomial.log.12, %polynomial.log.12
  %polynomial.log.16 = call %reals @llvm.fma.v4f64(%reals %polynomial.log.15, %reals %polynomial.log.14, %reals %polynomial.log.13)
  %log_rest_part.15 = call %reals @llvm.fma.v4f64(%reals %log_rest_part.14, %reals %polynomial.log.16, %reals %log_rest_part.13)
  %log_rest_part.16 = fmul %reals %log1p_parts.19, splat (double 1.9082149292705877e-10)
  %log_rest_part.17 = call %reals @llvm.fma.v4f64(%reals %log_rest_part.11, %reals %log_rest_part.15, %reals %log_rest_part.16)
  %log_rest_part.18 = fsub %reals %log_rest_part.17, %log_rest_part.13
  %log_joined.3 = fadd %reals %log_rest_part.18, %log1p_parts.18
  %log_joined.4 = call %reals @llvm.fma.v4f64(%reals %log1p_parts.19, %reals splat (double 0.6931471803691238), %reals %log_joined.3)
  %log_ends.7 = fcmp olt %reals %log1p_parts.1, splat (double 0x7FF0000000000000)
  %log_ends.8 = select %truths %log_ends.7, %reals %log_joined.4, %reals %log1p_parts.1
  %log_ends.9 = fcmp ogt %reals %log1p_parts.1, splat (double 0.0)
  %log_ends.10 = fcmp oeq %reals %log1p_parts.1, splat (double 0.0)
  %log_ends.11 = select %truths %log_ends.10, %reals splat (double 0xFFF0000000000000), %reals splat (double 0x7FF8000000000000)
  %log_ends.12 = select %truths %log_ends.9, %reals %log_ends.8, %reals %log_ends.11
  %v3 = select %truths %log_ndtr.5, %reals %log_ends.12, %reals %log_ndtr.4
  ; v4 = neg(v3)
  %v4 = fneg %reals %v3
  ; v5 = mills(m)
  %mills.1 = fcmp olt %reals %m, splat (double -1.0e+200)
  %mills.2 = fmul %reals %tail.1, splat (double 0.3989422804014327)
  %mills.3 = fdiv %reals %mills.2, %polynomial.tail.29
  %mills.4 = select %truths %mills.1, %reals %log_ndtr.1, %reals %mills.3
  %tail_variable.8 = fcmp ogt %reals %raised_bell.2, splat (double 1.0e+300)
  %tail_variable.9 = fcmp olt %reals %raised_bell.2, splat (double 0.0)
  %tail_variable.10 = select %truths %tail_variable.9, %reals splat (double 0.0), %reals %raised_bell.2
  %tail_variable.11 = select %truths %tail_variable.8, %reals splat (double 1.0e+300), %reals %tail_variable.10
  %tail_variable.12 = fsub %reals %tail_variable.11, splat (double 5.0)
  %tail_variable.13 = fadd %reals %tail_variable.11, splat (double 5.0)
  %tail_variable.14 = fdiv %reals %tail_variable.12, %tail_variable.13
  %polynomial.tail.30 = call %reals @llvm.fma.v4f64(%reals %tail_variable.14, %reals splat (double 0.019854183146478143), %reals splat (double -0.01682997250943374))
  %polynomial.tail.31 = call %reals @llvm.fma.v4f64(%reals %tail_variable.14, %reals splat (double 0.006046231791632449), %reals splat (double -0.013372141293149413))
  %polynomial.tail.32 = call %reals @llvm.fma.v4f64(%reals %tail_variable.14, %reals splat (double 3.4647004457241395e-05), %reals splat (double -0.0016321621898237853))
  %polynomial.tail.33 = call %reals @llvm.fma.v4f64(%reals %tail_variable.14, %reals splat (double -5.341550882375363e-05), %reals splat (double 0.00017024860786941866))
  %polynomial.tail.34 = call %reals @llvm.fma.v4f64(%reals %tail_variable.14, %reals splat (double 8.806416473375404e-06), %reals splat (double -8.56706786570967e-06))
  %polynomial.tail.35 = call %reals @llvm.fma.v4f64(%reals %tail_variable.14, %reals splat (double -1.260088462638494e-06), %reals splat (double -2.0570593027872544e-07))
  %polynomial.tail.36 = call %reals @llvm.fma.v4f64(%reals %tail_variable.14, %reals splat (double 1.9035601142128756e-07), %reals splat (double 1.438434999602695e-07))
  %polynomial.tail.37 = call %reals @llvm.fma.v4f64(%reals %tail_variable.14, %reals splat (double -3.168006737033899e-08), %reals splat (double -2.9059438630368397e-08))
  %polynomial.tail.38 = call %reals @llvm.fma.v4f64(%reals %tail_variable.14, %reals splat (double 5.456828343411665e-09), %reals splat (double 4.385035045151926e-09))
  %polynomial.tail.39 = call %reals @llvm.fma.v4f64(%reals %tail_variable.14, %reals splat (double -8.099068326914215e-10), %reals splat (double -4.884244444671915e-10))
  %polynomial.tail.40 = call %reals @llvm.fma.v4f64(%reals %tail_variable.14, %reals splat (double 7.051438654626181e-11), %reals splat (double 3.017536814720846e-11))
  %polynomial.tail.41 = fmul %reals %tail_variable.14, %tail_variable.14
  %polynomial.tail.42 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.41, %reals %polynomial.tail.31, %reals %polynomial.tail.30)
  %polynomial.tail.43 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.41, %reals %polynomial.tail.33, %reals %polynomial.tail.32)
  %polynomial.tail.44 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.41, %reals %polynomial.tail.35, %reals %polynomial.tail.34)
  %polynomial.tail.45 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.41, %reals %polynomial.tail.37, %reals %polynomial.tail.36)
  %polynomial.tail.46 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.41, %reals %polynomial.tail.39, %reals %polynomial.tail.38)
  %polynomial.tail.47 = fmul %reals %polynomial.tail.41, %polynomial.tail.41
  %polynomial.tail.48 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.47, %reals %polynomial.tail.43, %reals %polynomial.tail.42)
  %polynomial.tail.49 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.47, %reals %polynomial.tail.45, %reals %polynomial.tail.44)
  %polynomial.tail.50 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.47, %reals %polynomial.tail.40, %reals %polynomial.tail.46)
  %polynomial.tail.51 = fmul %reals %polynomial.tail.47, %polynomial.tail.47
  %polynomial.tail.52 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.51, %reals %polynomial.tail.49, %reals %polynomial.tail.48)
  %polynomial.tail.53 = fmul %reals %polynomial.tail.51, %polynomial.tail.51
  %polynomial.tail.54 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.53, %reals %polynomial.tail.50, %reals %polynomial.tail.52)
  %polynomial.tail.55 = call %reals @llvm.fma.v4f64(%reals %tail_variable.14, %reals %polynomial.tail.54, %reals splat (double -0.0061744230676071005))
  %polynomial.tail.56 = call %reals @llvm.fma.v4f64(%reals %tail_variable.14, %reals %polynomial.tail.55, %reals splat (double 0.05424413080316351))
  %polynomial.tail.57 = call %reals @llvm.fma.v4f64(%reals %tail_variable.14, %reals %polynomial.tail.56, %reals splat (double -0.12024379288681132))
  %polynomial.tail.58 = call %reals @llvm.fma.v4f64(%reals %tail_variable.14, %reals %polynomial.tail.57, %reals splat (double 0.476899690845039))
  %tail.2 = fadd %reals %tail_variable.11, splat (double 1.2)
  %raised_bell.8 = fcmp ogt %reals %raised_bell.2, splat (double 40.0)
  %raised_bell.9 = select %truths %raised_bell.8, %reals splat (double 40.0), %reals %tail_variable.10
  %raised_bell.10 = fmul %reals %raised_bell.9, %raised_bell.9
  %raised_bell.11 = fmul %reals %raised_bell.10, splat (double -0.5)
  %raised_bell.12 = fneg %reals %raised_bell.10
  %raised_bell.13 = call %reals @llvm.fma.v4f64(%reals %raised_bell.9, %reals %raised_bell.9, %reals %raised_bell.12)
  %raised_bell.14 = fmul %reals %raised_bell.13, splat (double -0.5)
  %raised_decay_of_pair.14 = fcmp olt %reals %raised_bell.11, splat (double -790.0)
  %raised_decay_of_pair.15 = select %truths %raised_decay_of_pair.14, %reals splat (double -790.0), %reals %raised_bell.11
  %reduced.5 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.15, %reals splat (double 1.4426950408889634), %reals splat (double 6755399441055744.0))
  %reduced.6 = fsub %reals %reduced.5, splat (double 6755399441055744.0)
  %reduced.7 = call %reals @llvm.fma.v4f64(%reals %reduced.6, %reals splat (double -0.6931471805599453), %reals %raised_decay_of_pair.15)
  %reduced.8 = call %reals @llvm.fma.v4f64(%reals %reduced.6, %reals splat (double -2.3190468138462996e-17), %reals %reduced.7)
  %raised_decay_of_pair.16 = fadd %reals %reduced.8, %raised_bell.14
  %raised_decay_of_pair.17 = fadd %reals %raised_decay_of_pair.16, splat (double 1.0)
  %raised_decay_of_pair.18 = fmul %reals %raised_decay_of_pair.16, %raised_decay_of_pair.16
  %polynomial.exp.12 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.16, %reals splat (double 0.16666666666666669), %reals splat (double 0.5000000000000001))
  %polynomial.exp.13 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.16, %reals splat (double 0.008333333333330039), %reals splat (double 0.041666666666623824))
  %polynomial.exp.14 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.16, %reals splat (double 0.00019841269863171557), %reals splat (double 0.0013888888917367081))
  %polynomial.exp.15 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.16, %reals splat (double 2.7557268276905696e-06), %reals splat (double 2.4801521057868204e-05))
  %polynomial.exp.16 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.16, %reals splat (double 2.5100472505694996e-08), %reals splat (double 2.7620201591031547e-07))
  %polynomial.exp.17 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.18, %reals %polynomial.exp.13, %reals %polynomial.exp.12)
  %polynomial.exp.18 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.18, %reals %polynomial.exp.15, %reals %polynomial.exp.14)
  %polynomial.exp.19 = fmul %reals %raised_decay_of_pair.18, %raised_decay_of_pair.18
  %polynomial.exp.20 = call %reals @llvm.fma.v4f64(%reals %polynomial.exp.19, %reals %polynomial.exp.18, %reals %polynomial.exp.17)
  %polynomial.exp.21 = fmul %reals %polynomial.exp.19, %polynomial.exp.19
  %polynomial.exp.22 = call %reals @llvm.fma.v4f64(%reals %polynomial.exp.21, %reals %polynomial.exp.16, %reals %polynomial.exp.20)
  %raised_decay_of_pair.19 = fsub %reals %raised_decay_of_pair.17, splat (double 1.0)
  %raised_decay_of_pair.20 = fsub %reals %raised_decay_of_pair.16, %raised_decay_of_pair.19
  %raised_decay_of_pair.21 = fsub %reals %reduced.8, %raised_decay_of_pair.16
  %raised_decay_of_pair.22 = fadd %reals %raised_decay_of_pair.21, %raised_bell.14
  %raised_decay_of_pair.23 = fadd %reals %raised_decay_of_pair.20, %raised_decay_of_pair.22
  %raised_decay_of_pair.24 = call %reals @llvm.fma.v4f64(%reals %raised_decay_of_pair.18, %reals %polynomial.exp.22, %reals %raised_decay_of_pair.23)
  %raised_decay_of_pair.25 = fadd %reals %raised_decay_of_pair.17, %raised_decay_of_pair.24
  %power_of_two.5 = bitcast %reals %reduced.5 to %bits
  %power_of_two.6 = shl %bits %power_of_two.5, splat (i64 52)
  %power_of_two.7 = add %bits %power_of_two.6, splat (i64 5183643171103440896)
  %power_of_two.8 = bitcast %bits %power_of_two.7 to %reals
  %raised_decay_of_pair.26 = fmul %reals %raised_decay_of_pair.25, %power_of_two.8
  %raised_mills.1 = fmul %reals %raised_decay_of_pair.26, splat (double 0.3989422804014327)
  %lowered.2 = fmul %reals %raised_decay_of_pair.26, splat (double 2.938735877055719e-39)
  %raised_mills.2 = fneg %reals %lowered.2
  %raised_mills.3 = fdiv %reals %polynomial.tail.58, %tail.2
  %raised_mills.4 = call %reals @llvm.fma.v4f64(%reals %raised_mills.2, %reals %raised_mills.3, %reals splat (double 1.0))
  %raised_mills.5 = fdiv %reals %raised_mills.1, %raised_mills.4
  %lowered.3 = fmul %reals %raised_mills.5, splat (double 2.938735877055719e-39)
  %v5 = select %truths %log_ndtr.5, %reals %lowered.3, %reals %mills.4
  ; v6 = mul(s, v5)
  %v6 = fmul %reals %s, %v5
  ; v7 = neg(v6)
  %v7 = fneg %reals %v6
  ; v8 = mills_slope(m)
  %polynomial.tail_slope.1 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double 0.027065046303423438), %reals splat (double -0.040521986126811516))
  %polynomial.tail_slope.2 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double -0.0024690763073983734), %reals splat (double -0.008435922855357318))
  %polynomial.tail_slope.3 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double -0.0023568831318270095), %reals splat (double 0.0044377272796952295))
  %polynomial.tail_slope.4 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double 0.00020595445754892014), %reals splat (double 0.0004235298497672428))
  %polynomial.tail_slope.5 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double -3.9810541924390564e-07), %reals splat (double -0.00013065253111491792))
  %polynomial.tail_slope.6 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double -3.318301517736329e-06), %reals splat (double 2.16735962900265e-05))
  %polynomial.tail_slope.7 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double 8.642210373121597e-07), %reals splat (double -3.3900394804829805e-06))
  %polynomial.tail_slope.8 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double -1.7161682192698924e-07), %reals splat (double 5.8112201013368e-07))
  %polynomial.tail_slope.9 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double 2.9551014673199088e-08), %reals splat (double -1.1338342247101643e-07))
  %polynomial.tail_slope.10 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double -4.248417270793867e-09), %reals splat (double 2.3910403127621997e-08))
  %polynomial.tail_slope.11 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double 4.4422299961967426e-10), %reals splat (double -4.815129965516582e-09))
  %polynomial.tail_slope.12 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals splat (double -2.430583753823223e-11), %reals splat (double 7.621250027784445e-10))
  %polynomial.tail_slope.13 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.12, %reals %polynomial.tail_slope.2, %reals %polynomial.tail_slope.1)
  %polynomial.tail_slope.14 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.12, %reals %polynomial.tail_slope.4, %reals %polynomial.tail_slope.3)
  %polynomial.tail_slope.15 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.12, %reals %polynomial.tail_slope.6, %reals %polynomial.tail_slope.5)
  %polynomial.tail_slope.16 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.12, %reals %polynomial.tail_slope.8, %reals %polynomial.tail_slope.7)
  %polynomial.tail_slope.17 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.12, %reals %polynomial.tail_slope.10, %reals %polynomial.tail_slope.9)
  %polynomial.tail_slope.18 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.12, %reals %polynomial.tail_slope.12, %reals %polynomial.tail_slope.11)
  %polynomial.tail_slope.19 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.18, %reals %polynomial.tail_slope.14, %reals %polynomial.tail_slope.13)
  %polynomial.tail_slope.20 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.18, %reals %polynomial.tail_slope.16, %reals %polynomial.tail_slope.15)
  %polynomial.tail_slope.21 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.18, %reals %polynomial.tail_slope.18, %reals %polynomial.tail_slope.17)
  %polynomial.tail_slope.22 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.22, %reals %polynomial.tail_slope.20, %reals %polynomial.tail_slope.19)
  %polynomial.tail_slope.23 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.22, %reals splat (double -6.61061965525155e-11), %reals %polynomial.tail_slope.21)
  %polynomial.tail_slope.24 = call %reals @llvm.fma.v4f64(%reals %polynomial.tail.24, %reals %polynomial.tail_slope.23, %reals %polynomial.tail_slope.22)
  %polynomial.tail_slope.25 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals %polynomial.tail_slope.24, %reals splat (double 0.028861025900686357))
  %polynomial.tail_slope.26 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals %polynomial.tail_slope.25, %reals splat (double 0.018380507258989404))
  %polynomial.tail_slope.27 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals %polynomial.tail_slope.26, %reals splat (double -0.08631715662244327))
  %polynomial.tail_slope.28 = call %reals @llvm.fma.v4f64(%reals %tail_variable.7, %reals %polynomial.tail_slope.27, %reals splat (double 0.219997056610255))
  %mills_slope.1 = fmul %reals %polynomial.tail.29, %polynomial.tail.29
  %mills_slope.2 = fdiv %reals %polynomial.tail_slope.28, %mills_slope.1
  %mills_slope.3 = fadd %reals %lowered.3, %raised_bell.2
  %mills_slope.4 = fmul %reals %raised_mills.5, %mills_slope.3
  %lowered.4 = fmul %reals %mills_slope.4, splat (double 2.938735877055719e-39)
  %mills_slope.5 = fcmp ogt %reals %m, splat (double 1.0)
  %mills_slope.6 = fcmp olt %reals %m, splat (double 0.0)
  %mills_slope.7 = select %truths %mills_slope.6, %reals splat (double 0.0), %reals %m
  %mills_slope.8 = select %truths %mills_slope.5, %reals splat (double 1.0), %reals %mills_slope.7
  %polynomial.mills_slope.1 = call %reals @llvm.fma.v4f64(%reals %mills_slope.8, %reals splat (double -0.057385341027455114), %reals splat (double -0.2180136141449861))
  %polynomial.mills_slope.2 = call %reals @llvm.fma.v4f64(%reals %mills_slope.8, %reals splat (double 0.00636077203659557), %reals splat (double 0.0007396147554281325))
  %polynomial.mills_slope.3 = call %reals @llvm.fma.v4f64(%reals %mills_slope.8, %reals splat (double 9.052593441024641e-05), %reals splat (double 0.0021907222989745907))
  %polynomial.mills_slope.4 = call %reals @llvm.fma.v4f64(%reals %mills_slope.8, %reals splat (double -8.401846113700245e-05), %reals splat (double -0.00020521944280264278))
  %polynomial.mills_slope.5 = call %reals @llvm.fma.v4f64(%reals %mills_slope.8, %reals splat (double 4.391818976198603e-06), %reals splat (double -7.799098715571586e-06))
  %polynomial.mills_slope.6 = call %reals @llvm.fma.v4f64(%reals %mills_slope.8, %reals splat (double -1.2631744041571125e-06), %reals splat (double 4.631341986908323e-06))
  %polynomial.mills_slope.7 = call %reals @llvm.fma.v4f64(%reals %mills_slope.8, %reals splat (double -6.092148890196065e-07), %reals splat (double 1.0485885069303535e-06))
  %polynomial.mills_slope.8 = fmul %reals %mills_slope.8, %mills_slope.8
  %polynomial.mills_slope.9 = call %reals @llvm.fma.v4f64(%reals %polynomial.mills_slope.8, %reals %polynomial.mills_slope.2, %reals %polynomial.mills_slope.1)
  %polynomial.mills_slope.10 = call %reals @llvm.fma.v4f64(%reals %polynomial.mills_slope.8, %reals %polynomial.mills_slope.4, %reals %polynomial.mills_slope.3)
  %polynomial.mills_slope.11 = call %reals @llvm.fma.v4f64(%reals %polynomial.mills_slope.8, %reals %polynomial.mills_slope.6, %reals %polynomial.mills_slope.5)
  %polynomial.mills_slope.12 = call %reals @llvm.fma.v4f64(%reals %polynomial.mills_slope.8, %reals splat (double 9.964532429193204e-08), %reals %polynomial.mills_slope.7)
  %polynomial.mills_slope.13 = fmul %reals %polynomial.mills_slope.8, %polynomial.mills_slope.8
  %polynomial.mills_slope.14 = call %reals @llvm.fma.v4f64(%reals %polynomial.mills_slope.13, %reals %polynomial.mills_slope.10, %reals %polynomial.mills_slope.9)
  %polynomial.mills_slope.15 = call %reals @llvm.fma.v4f64(%reals %polynomial.mills_slope.13, %reals %polynomial.mills_slope.12, %reals %polynomial.mills_slope.11)
  %polynomial.mills_slope.16 = fmul %reals %polynomial.mills_slope.13, %polynomial.mills_slope.13
  %polynomial.mills_slope.17 = call %reals @llvm.fma.v4f64(%reals %polynomial.mills_slope.16, %reals %polynomial.mills_slope.15, %reals %polynomial.mills_slope.14)
  %polynomial.mills_slope.18 = call %reals @llvm.fma.v4f64(%reals %mills_slope.8, %reals %polynomial.mills_slope.17, %reals splat (double 0.6366197723675814))
  %mills_slope.9 = select %truths %log_ndtr.5, %reals %polynomial.mills_slope.18, %reals %mills_slope.2
  %v8 = select %truths %mills_slope.5, %reals %lowered.4, %reals %mills_slope.9
  %give.0 = insertvalue %results poison, %reals %v4, 0  ; value
  %give.1 = insertvalue %results %give.0, %reals %v7, 1  ; gradient
  %give.2 = insertvalue %results %give.1, %reals %v8, 2  ; hessian
  ret %results %give.2
}

define void @kernel(i64 %rows.from, i64 %rows.to, ptr %all.arrays, ptr %all.params) {
rows.entry:
  %y.slot = getelementptr ptr, ptr %all.arrays, i64 0
  %y.base = load ptr, ptr %y.slot
  %z.slot = getelementptr ptr, ptr %all.arrays, i64 1
  %z.base = load ptr, ptr %z.slot
  %out.value.slot = getelementptr ptr, ptr %all.arrays, i64 2
  %out.value.base = load ptr, ptr %out.value.slot
  %out.gradient.slot = getelementptr ptr, ptr %all.arrays, i64 3
  %out.gradient.base = load ptr, ptr %out.gradient.slot
  %out.hessian.slot = getelementptr ptr, ptr %all.arrays, i64 4
  %out.hessian.base = load ptr, ptr %out.hessian.slot
  br label %rows.loop
rows.loop:
  %rows.at = phi i64 [ %rows.from, %rows.entry ], [ %rows.next, %rows.whole ]
  %rows.next = add i64 %rows.at, 4
  %rows.fit = icmp sle i64 %rows.next, %rows.to
  br i1 %rows.fit, label %rows.whole, label %rows.rest
rows.whole:
  %y.at.whole = getelementptr double, ptr %y.base, i64 %rows.at
  %y.whole.stored = load %stored, ptr %y.at.whole, align 8
  %y.whole = bitcast %stored %y.whole.stored to %reals
  %z.at.whole = getelementptr double, ptr %z.base, i64 %rows.at
  %z.whole.stored = load %stored, ptr %z.at.whole, align 8
  %z.whole = bitcast %stored %z.whole.stored to %reals
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole)
  %out.value.whole = extractvalue %results %results.whole, 0
  %out.value.whole.stored = bitcast %reals %out.value.whole to %stored
  %out.value.at.whole = getelementptr double, ptr %out.value.base, i64 %rows.at
  store %stored %out.value.whole.stored, ptr %out.value.at.whole, align 8
  %out.gradient.whole = extractvalue %results %results.whole, 1
  %out.gradient.whole.stored = bitcast %reals %out.gradient.whole to %stored
  %out.gradient.at.whole = getelementptr double, ptr %out.gradient.base, i64 %rows.at
  store %stored %out.gradient.whole.stored, ptr %out.gradient.at.whole, align 8
  %out.hessian.whole = extractvalue %results %results.whole, 2
  %out.hessian.whole.stored = bitcast %reals %out.hessian.whole to %stored
  %out.hessian.at.whole = getelementptr double, ptr %out.hessian.base, i64 %rows.at
  store %stored %out.hessian.whole.stored, ptr %out.hessian.at.whole, align 8
  br label %rows.loop
rows.rest:
  %rows.left = sub i64 %rows.to, %rows.at
  %rows.some = icmp sgt i64 %rows.left, 0
  br i1 %rows.some, label %rows.tail, label %rows.done
rows.tail:
  %left.lane = insertelement %bits poison, i64 %rows.left, i64 0
  %left.all = shufflevector <4 x i64> %left.lane, <4 x i64> poison, <4 x i32> zeroinitializer
  %rows.mask = icmp slt %bits <i64 0, i64 1, i64 2, i64 3>, %left.all
  %y.at.tail = getelementptr double, ptr %y.base, i64 %rows.at
  %y.tail.stored = call %stored @llvm.masked.load.v4f64.p0(ptr align 8 %y.at.tail, %truths %rows.mask, %stored zeroinitializer)
  %y.tail = bitcast %stored %y.tail.stored to %reals
  %z.at.tail = getelementptr double, ptr %z.base, i64 %rows.at
  %z.tail.stored = call %stored @llvm.masked.load.v4f64.p0(ptr align 8 %z.at.tail, %truths %rows.mask, %stored zeroinitializer)
  %z.tail = bitcast %stored %z.tail.stored to %reals
  %results.tail = call %results @formula(%reals %y.tail, %reals %z.tail)
  %out.value.tail = extractvalue %results %results.tail, 0
  %out.value.tail.stored = bitcast %reals %out.value.tail to %stored
  %out.value.at.tail = getelementptr double, ptr %out.value.base, i64 %rows.at
  call void @llvm.masked.store.v4f64.p0(%stored %out.value.tail.stored, ptr align 8 %out.value.at.tail, %truths %rows.mask)
  %out.gradient.tail = extractvalue %results %results.tail, 1
  %out.gradient.tail.stored = bitcast %reals %out.gradient.tail to %stored
  %out.gradient.at.tail = getelementptr double, ptr %out.gradient.base, i64 %rows.at
  call void @llvm.masked.store.v4f64.p0(%stored %out.gradient.tail.stored, ptr align 8 %out.gradient.at.tail, %truths %rows.mask)
  %out.hessian.tail = extractvalue %results %results.tail, 2
  %out.hessian.tail.stored = bitcast %reals %out.hessian.tail to %stored
  %out.hessian.at.tail = getelementptr double, ptr %out.hessian.base, i64 %rows.at
  call void @llvm.masked.store.v4f64.p0(%stored %out.hessian.tail.stored, ptr align 8 %out.hessian.at.tail, %truths %rows.mask)
  br label %rows.done
rows.done:
  ret void
}

define void @stream(i64 %rows.from, i64 %rows.to, ptr %all.arrays, ptr %all.params) {
rows.entry:
  %y.slot = getelementptr ptr, ptr %all.arrays, i64 0
  %y.base = load ptr, ptr %y.slot
  %z.slot = getelementptr ptr, ptr %all.arrays, i64 1
  %z.base = load ptr, ptr %z.slot
  %out.value.slot = getelementptr ptr, ptr %all.arrays, i64 2
  %out.value.base = load ptr, ptr %out.value.slot
  %out.gradient.slot = getelementptr ptr, ptr %all.arrays, i64 3
  %out.gradient.base = load ptr, ptr %out.gradient.slot
  %out.hessian.slot = getelementptr ptr, ptr %all.arrays, i64 4
  %out.hessian.base = load ptr, ptr %out.hessian.slot
  br label %rows.loop
rows.loop:
  %rows.at = phi i64 [ %rows.from, %rows.entry ], [ %rows.next, %rows.whole ]
  %rows.next = add i64 %rows.at, 4
  %rows.fit = icmp sle i64 %rows.next, %rows.to
  br i1 %rows.fit, label %rows.whole, label %rows.rest
rows.whole:
  %y.at.whole = getelementptr double, ptr %y.base, i64 %rows.at
  %y.whole.stored = load %stored, ptr %y.at.whole, align 8
  %y.whole = bitcast %stored %y.whole.stored to %reals
  %z.at.whole = getelementptr double, ptr %z.base, i64 %rows.at
  %z.whole.stored = load %stored, ptr %z.at.whole, align 8
  %z.whole = bitcast %stored %z.whole.stored to %reals
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole)
  %out.value.whole = extractvalue %results %results.whole, 0
  %out.value.whole.stored = bitcast %reals %out.value.whole to %stored
  %out.value.at.whole = getelementptr double, ptr %out.value.base, i64 %rows.at
  store %stored %out.value.whole.stored, ptr %out.value.at.whole, align 32, !nontemporal !0
  %out.gradient.whole = extractvalue %results %results.whole, 1
  %out.gradient.whole.stored = bitcast %reals %out.gradient.whole to %stored
  %out.gradient.at.whole = getelementptr double, ptr %out.gradient.base, i64 %rows.at
  store %stored %out.gradient.whole.stored, ptr %out.gradient.at.whole, align 32, !nontemporal !0
  %out.hessian.whole = extractvalue %results %results.whole, 2
  %out.hessian.whole.stored = bitcast %reals %out.hessian.whole to %stored
  %out.hessian.at.whole = getelementptr double, ptr %out.hessian.base, i64 %rows.at
  store %stored %out.hessian.whole.stored, ptr %out.hessian.at.whole, align 32, !nontemporal !0
  br label %rows.loop
rows.rest:
  fence seq_cst
  call void @kernel(i64 %rows.at, i64 %rows.to, ptr %all.arrays, ptr %all.params)
  ret void
}
!0 = !{i32 1}

declare %reals @llvm.fabs.v4f64(%reals)
declare %reals @llvm.fma.v4f64(%reals, %reals, %reals)
declare %stored @llvm.masked.load.v4f64.p0(ptr, %truths, %stored)
declare void @llvm.masked.store.v4f64.p0(%stored, ptr, %truths)
