; softmax: -(1 - p)**gamma*logp  [gamma = 2]
; inputs y, z; parameters none; outputs value, gradient, hessian
; 4 rows at a time, double in memory

%reals = type <4 x double>
%bits = type <4 x i64>
%truths = type <4 x i1>
%stored = type <4 x double>
%results = type { %reals, %reals, %reals, %truths }

@hard = global i64 0

define private %results @formula(%reals %y, %reals %z) alwaysinline {
  ; up = gt(y, 0.0)
  %up = fcmp ogt %reals %y, splat (double 0.0)
  ; s = where(up, 1.0, -1.0)
  %s = select %truths %up, %reals splat (double 1.0), %reals splat (double -1.0)
  ; m = mul(s, z)
  %m = fmul %reals %s, %z
  ; v3 = neg(m)
  %v3 = fneg %reals %m
  ; v4 = softplus(v3)
  %softplus.1 = fcmp ogt %reals %v3, splat (double 0.0)
  %softplus.2 = select %truths %softplus.1, %reals %v3, %reals splat (double 0.0)
  %softplus.3 = call %reals @llvm.fabs.v4f64(%reals %m)
  %softplus.4 = fneg %reals %softplus.3
  %raised_decay.1 = fcmp olt %reals %softplus.4, splat (double -790.0)
  %raised_decay.2 = select %truths %raised_decay.1, %reals splat (double -790.0), %reals %softplus.4
  %reduced.1 = call %reals @llvm.fma.v4f64(%reals %raised_decay.2, %reals splat (double 1.4426950408889634), %reals splat (double 6755399441055744.0))
  %reduced.2 = fsub %reals %reduced.1, splat (double 6755399441055744.0)
  %reduced.3 = call %reals @llvm.fma.v4f64(%reals %reduced.2, %reals splat (double -0.6931471805599453), %reals %raised_decay.2)
  %reduced.4 = call %reals @llvm.fma.v4f64(%reals %reduced.2, %reals splat (double -2.3190468138462996e-17), %reals %reduced.3)
  %expm1_reduced.1 = fmul %reals %reduced.4, %reduced.4
  %polynomial.exp.1 = call %reals @llvm.fma.v4f64(%reals %reduced.4, %reals splat (double 0.16666666666666669), %reals splat (double 0.5000000000000001))
  %polynomial.exp.2 = call %reals @llvm.fma.v4f64(%reals %reduced.4, %reals splat (double 0.008333333333330039), %reals splat (double 0.041666666666623824))
  %polynomial.exp.3 = call %reals @llvm.fma.v4f64(%reals %reduced.4, %reals splat (double 0.00019841269863171557), %reals splat (double 0.0013888888917367081))
  %polynomial.exp.4 = call %reals @llvm.fma.v4f64(%reals %reduced.4, %reals splat (double 2.7557268276905696e-06), %reals splat (double 2.4801521057868204e-05))
  %polynomial.exp.5 = call %reals @llvm.fma.v4f64(%reals %reduced.4, %reals splat (double 2.5100472505694996e-08), %reals splat (double 2.7620201591031547e-07))
  %polynomial.exp.6 = call %reals @llvm.fma.v4f64(%reals %expm1_reduced.1, %reals %polynomial.exp.2, %reals %polynomial.exp.1)
  %polynomial.exp.7 = call %reals @llvm.fma.v4f64(%reals %expm1_reduced.1, %reals %polynomial.exp.4, %reals %polynomial.exp.3)
  %polynomial.exp.8 = fmul %reals %expm1_reduced.1, %expm1_reduced.1
  %polynomial.exp.9 = call %reals @llvm.fma.v4f64(%reals %polynomial.exp.8, %reals %polynomial.exp.7, %reals %polynomial.exp.6)
  %polynomial.exp.10 = fmul %reals %polynomial.exp.8, %polynomial.exp.8
  %polynomial.exp.11 = call %reals @llvm.fma.v4f64(%reals %polynomial.exp.10, %reals %polynomial.exp.5, %reals %polynomial.exp.9)
  %expm1_reduced.2 = call %reals @llvm.fma.v4f64(%reals %expm1_reduced.1, %reals %polynomial.exp.11, %reals %reduced.4)
  %raised_decay.3 = fadd %reals %expm1_reduced.2, splat (double 1.0)
  %power_of_two.1 = bitcast %reals %reduced.1 to %bits
  %power_of_two.2 = shl %bits %power_of_two.1, splat (i64 52)
  %power_of_two.3 = add %bits %power_of_two.2, splat (i64 5183643171103440896)
  %power_of_two.4 = bitcast %bits %power_of_two.3 to %reals
  %raised_decay.4 = fmul %reals %raised_decay.3, %power_of_two.4
  %lowered.1 = fmul %reals %raised_decay.4, splat (double 2.938735877055719e-39)
  %log1p_unit.1 = fadd %reals %lowered.1, splat (double 2.0)
  %log1p_unit.2 = fdiv %reals %lowered.1, %log1p_unit.1
  %log1p_unit.3 = fmul %reals %lowered.1, %lowered.1
  %log1p_unit.4 = fmul %reals %log1p_unit.3, splat (double 0.5)
  %log1p_unit.5 = fmul %reals %log1p_unit.2, %log1p_unit.2
  %polynomial.log_unit.1 = call %reals @llvm.fma.v4f64(%reals %log1p_unit.5, %reals splat (double 0.40000000000014585), %reals splat (double 0.6666666666666666))
  %polynomial.log_unit.2 = call %reals @llvm.fma.v4f64(%reals %log1p_unit.5, %reals splat (double 0.22222222717427864), %reals splat (double 0.2857142856710876))
  %polynomial.log_unit.3 = call %reals @llvm.fma.v4f64(%reals %log1p_unit.5, %reals splat (double 0.15385570064958623), %reals splat (double 0.18181789436132859))
  %polynomial.log_unit.4 = call %reals @llvm.fma.v4f64(%reals %log1p_unit.5, %reals splat (double 0.12001072809590713), %reals splat (double 0.13314144209654935))
  %polynomial.log_unit.5 = call %reals @llvm.fma.v4f64(%reals %log1p_unit.5, %reals splat (double 0.1616404561194353), %reals splat (double 0.08800738486144674))
  %polynomial.log_unit.6 = fmul %reals %log1p_unit.5, %log1p_unit.5
  %polynomial.log_unit.7 = call %reals @llvm.fma.v4f64(%reals %polynomial.log_unit.6, %reals %polynomial.log_unit.2, %reals %polynomial.log_unit.1)
  %polynomial.log_unit.8 = call %reals @llvm.fma.v4f64(%reals %polynomial.log_unit.6, %reals %polynomial.log_unit.4, %reals %polynomial.log_unit.3)
  %polynomial.log_unit.9 = fmul %reals %polynomial.log_unit.6, %polynomial.log_unit.6
  %polynomial.log_unit.10 = call %reals @llvm.fma.v4f64(%reals %polynomial.log_unit.9, %reals %polynomial.log_unit.8, %reals %polynomial.log_unit.7)
  %polynomial.log_unit.11 = fmul %reals %polynomial.log_unit.9, %polynomial.log_unit.9
  %polynomial.log_unit.12 = call %reals @llvm.fma.v4f64(%reals %polynomial.log_unit.11, %reals %polynomial.log_unit.5, %reals %polynomial.log_unit.10)
  %log1p_unit.6 = call %reals @llvm.fma.v4f64(%reals %log1p_unit.5, %reals %polynomial.log_unit.12, %reals %log1p_unit.4)
  %log1p_unit.7 = fmul %reals %log1p_unit.2, %log1p_unit.6
  %log1p_unit.8 = fsub %reals %log1p_unit.4, %log1p_unit.7
  %log1p_unit.9 = fsub %reals %lowered.1, %log1p_unit.8
  %v4 = fadd %reals %softplus.2, %log1p_unit.9
  ; v5 = sigmoid(v3)
  %sigmoid.1 = select %truths %softplus.1, %reals splat (double 1.0), %reals %lowered.1
  %sigmoid.2 = fadd %reals %lowered.1, splat (double 1.0)
  %v5 = fdiv %reals %sigmoid.1, %sigmoid.2
  ; v6 = mul(v5, v5)
  %v6 = fmul %reals %v5, %v5
  ; v7 = sigmoid(m)
  %sigmoid.4 = fcmp ogt %reals %m, splat (double 0.0)
  %sigmoid.5 = select %truths %sigmoid.4, %reals splat (double 1.0), %reals %lowered.1
  %v7 = fdiv %reals %sigmoid.5, %sigmoid.2
  ; v8 = mul(v7, 2.0)
  %v8 = fmul %reals %v7, splat (double 2.0)
  ; v9 = mul(v8, v4)
  %v9 = fmul %reals %v8, %v4
  ; v10 = mul(v6, v4)
  %v10 = fmul %reals %v6, %v4
  ; v11 = mul(v6, s)
  %v11 = fmul %reals %v6, %s
  ; v12_raw = add(v5, v9)
  %v12_raw = fadd %reals %v5, %v9
  ; v5_rest = sigmoid_rest(v3, v5)
  %decay_rest.1 = fsub %reals splat (double 1.0), %raised_decay.3
  %decay_rest.2 = fadd %reals %decay_rest.1, %expm1_reduced.2
  %reduced_rest.1 = fsub %reals %reduced.4, %expm1_reduced.2
  %reduced_rest.2 = call %reals @llvm.fma.v4f64(%reals %expm1_reduced.1, %reals %polynomial.exp.11, %reals %reduced_rest.1)
  %reduced_low.1 = call %reals @llvm.fma.v4f64(%reals %reduced.2, %reals splat (double -0.6931471803691238), %reals %raised_decay.2)
  %reduced_low.2 = fsub %reals %reduced_low.1, %reduced.4
  %reduced_low.3 = call %reals @llvm.fma.v4f64(%reals %reduced.2, %reals splat (double -1.9082149292705877e-10), %reals %reduced_low.2)
  %reduced_rest.3 = fmul %reals %reduced_low.3, %raised_decay.3
  %reduced_rest.4 = fadd %reals %reduced_rest.2, %reduced_rest.3
  %decay_rest.3 = fadd %reals %decay_rest.2, %reduced_rest.4
  %decay_rest.4 = fmul %reals %decay_rest.3, %power_of_two.4
  %lowered.2 = fmul %reals %decay_rest.4, splat (double 2.938735877055719e-39)
  %sigmoid_rest.1 = fsub %reals %sigmoid.2, splat (double 1.0)
  %sigmoid_rest.2 = fsub %reals %lowered.1, %sigmoid_rest.1
  %sigmoid_rest.3 = fadd %reals %sigmoid_rest.2, %lowered.2
  %sigmoid_rest.4 = fneg %reals %v5
  %sigmoid_rest.5 = call %reals @llvm.fma.v4f64(%reals %sigmoid_rest.4, %reals %sigmoid.2, %reals %sigmoid.1)
  %sigmoid_rest.6 = select %truths %softplus.1, %reals splat (double 0.0), %reals %lowered.2
  %sigmoid_rest.7 = fmul %reals %v5, %sigmoid_rest.3
  %sigmoid_rest.8 = fsub %reals %sigmoid_rest.6, %sigmoid_rest.7
  %sigmoid_rest.9 = fadd %reals %sigmoid_rest.5, %sigmoid_rest.8
  %sigmoid_rest.10 = fsub %reals splat (double 1.0), %v5
  %sigmoid_rest.11 = select %truths %softplus.1, %reals %v5, %reals %sigmoid_rest.10
  %v5_rest = fmul %reals %sigmoid_rest.9, %sigmoid_rest.11
  ; v7_rest = sigmoid_rest(m, v7)
  %sigmoid_rest.13 = fneg %reals %v7
  %sigmoid_rest.14 = call %reals @llvm.fma.v4f64(%reals %sigmoid_rest.13, %reals %sigmoid.2, %reals %sigmoid.5)
  %sigmoid_rest.15 = select %truths %sigmoid.4, %reals splat (double 0.0), %reals %lowered.2
  %sigmoid_rest.16 = fmul %reals %v7, %sigmoid_rest.3
  %sigmoid_rest.17 = fsub %reals %sigmoid_rest.15, %sigmoid_rest.16
  %sigmoid_rest.18 = fadd %reals %sigmoid_rest.14, %sigmoid_rest.17
  %sigmoid_rest.19 = fsub %reals splat (double 1.0), %v7
  %sigmoid_rest.20 = select %truths %sigmoid.4, %reals %v7, %reals %sigmoid_rest.19
  %v7_rest = fmul %reals %sigmoid_rest.18, %sigmoid_rest.20
  ; v8_rest = mul(v7_rest, 2.0)
  %v8_rest = fmul %reals %v7_rest, splat (double 2.0)
  ; v9_rest = mul(v8_rest, v4)
  %v9_rest = fmul %reals %v8_rest, %v4
  ; v4_rest = softplus_rest(v3, v4)
  %softplus_rest.1 = fsub %reals %v4, %softplus.2
  %softplus_rest.2 = fsub %reals %v4, %softplus_rest.1
  %softplus_rest.3 = fsub %reals %softplus.2, %softplus_rest.2
  %softplus_rest.4 = fsub %reals %log1p_unit.9, %softplus_rest.1
  %softplus_rest.5 = fadd %reals %softplus_rest.3, %softplus_rest.4
  %log1p_unit_rest.1 = fsub %reals %lowered.1, %log1p_unit.9
  %log1p_unit_rest.2 = fsub %reals %log1p_unit_rest.1, %log1p_unit.8
  %log1p_unit_rest.3 = fdiv %reals %lowered.2, %sigmoid.2
  %log1p_unit_rest.4 = fadd %reals %log1p_unit_rest.2, %log1p_unit_rest.3
  %v4_rest = fadd %reals %softplus_rest.5, %log1p_unit_rest.4
  ; v9_rest2 = mul(v4_rest, v8)
  %v9_rest2 = fmul %reals %v4_rest, %v8
  ; v9_rest3 = add(v9_rest, v9_rest2)
  %v9_rest3 = fadd %reals %v9_rest, %v9_rest2
  ; v9_rest4 = left_mul(v8, v4, v9)
  %v9_rest4.1 = fneg %reals %v9
  %v9_rest4 = call %reals @llvm.fma.v4f64(%reals %v8, %reals %v4, %reals %v9_rest4.1)
  ; v9_rest5 = add(v9_rest4, v9_rest3)
  %v9_rest5 = fadd %reals %v9_rest4, %v9_rest3
  ; v12_rest = add(v5_rest, v9_rest5)
  %v12_rest = fadd %reals %v5_rest, %v9_rest5
  ; v12 = mend(v12_raw, v12_rest)
  %v12.1 = call %reals @llvm.fabs.v4f64(%reals %v12_rest)
  %v12.2 = fcmp olt %reals %v12.1, splat (double 0x7FF0000000000000)
  %v12.3 = select %truths %v12.2, %reals %v12_rest, %reals splat (double 0.0)
  %v12 = fadd %reals %v12_raw, %v12.3
  ; v13 = neg(v12)
  %v13 = fneg %reals %v12
  ; v14 = mul(v11, v13)
  %v14 = fmul %reals %v11, %v13
  ; v15 = mul(v6, v7)
  %v15 = fmul %reals %v6, %v7
  ; v16 = mul(v5, 5.0)
  %v16 = fmul %reals %v5, splat (double 5.0)
  ; v17_raw = add(v16, v9)
  %v17_raw = fadd %reals %v16, %v9
  ; v16_rest = mul(v5_rest, 5.0)
  %v16_rest = fmul %reals %v5_rest, splat (double 5.0)
  ; v16_rest2 = left_mul(v5, 5.0, v16)
  %v16_rest2.1 = fneg %reals %v16
  %v16_rest2 = call %reals @llvm.fma.v4f64(%reals %v5, %reals splat (double 5.0), %reals %v16_rest2.1)
  ; v16_rest3 = add(v16_rest2, v16_rest)
  %v16_rest3 = fadd %reals %v16_rest2, %v16_rest
  ; v17_rest = add(v16_rest3, v9_rest5)
  %v17_rest = fadd %reals %v16_rest3, %v9_rest5
  ; v17 = mend(v17_raw, v17_rest)
  %v17.1 = call %reals @llvm.fabs.v4f64(%reals %v17_rest)
  %v17.2 = fcmp olt %reals %v17.1, splat (double 0x7FF0000000000000)
  %v17.3 = select %truths %v17.2, %reals %v17_rest, %reals splat (double 0.0)
  %v17 = fadd %reals %v17_raw, %v17.3
  ; v18 = mul(0.5, m)
  %v18 = fmul %reals splat (double 0.5), %m
  ; v19 = tanh(v18)
  %tanh.1 = fmul %reals %softplus.3, splat (double 0.5)
  %expm1.1 = fcmp ogt %reals %softplus.4, splat (double 710.0)
  %expm1.2 = fcmp olt %reals %softplus.4, splat (double -40.0)
  %expm1.3 = select %truths %expm1.2, %reals splat (double -40.0), %reals %softplus.4
  %expm1.4 = select %truths %expm1.1, %reals splat (double 710.0), %reals %expm1.3
  %reduced.5 = call %reals @llvm.fma.v4f64(%reals %expm1.4, %reals splat (double 1.4426950408889634), %reals splat (double 6755399441055744.0))
  %reduced.6 = fsub %reals %reduced.5, splat (double 6755399441055744.0)
  %reduced.7 = call %reals @llvm.fma.v4f64(%reals %reduced.6, %reals splat (double -0.6931471805599453), %reals %expm1.4)
  %reduced.8 = call %reals @llvm.fma.v4f64(%reals %reduced.6, %reals splat (double -2.3190468138462996e-17), %reals %reduced.7)
  %power_of_two.5 = bitcast %reals %reduced.5 to %bits
  %power_of_two.6 = shl %bits %power_of_two.5, splat (i64 52)
  %power_of_two.7 = add %bits %power_of_two.6, splat (i64 4602678819172646912)
  %power_of_two.8 = bitcast %bits %power_of_two.7 to %reals
  %expm1_reduced.3 = fmul %reals %reduced.8, %reduced.8
  %polynomial.exp.12 = call %reals @llvm.fma.v4f64(%reals %reduced.8, %reals splat (double 0.16666666666666669), %reals splat (double 0.5000000000000001))
  %polynomial.exp.13 = call %reals @llvm.fma.v4f64(%reals %reduced.8, %reals splat (double 0.008333333333330039), %reals splat (double 0.041666666666623824))
  %polynomial.exp.14 = call %reals @llvm.fma.v4f64(%reals %reduced.8, %reals splat (double 0.00019841269863171557), %reals splat (double 0.0013888888917367081))
  %polynomial.exp.15 = call %reals @llvm.fma.v4f64(%reals %reduced.8, %reals splat (double 2.7557268276905696e-06), %reals splat (double 2.4801521057868204e-05))
  %polynomial.exp.16 = call %reals @llvm.fma.v4f64(%reals %reduced.8, %reals splat (double 2.5100472505694996e-08), %reals splat (double 2.7620201591031547e-07))
  %polynomial.exp.17 = call %reals @llvm.fma.v4f64(%reals %expm1_reduced.3, %reals %polynomial.exp.13, %reals %polynomial.exp.12)
  %polynomial.exp.18 = call %reals @llvm.fma.v4f64(%reals %expm1_reduced.3, %reals %polynomial.exp.15, %reals %polynomial.exp.14)
  %polynomial.exp.19 = fmul %reals %expm1_reduced.3, %expm1_reduced.3
  %polynomial.exp.20 = call %reals @llvm.fma.v4f64(%reals %polynomial.exp.19, %reals %polynomial.exp.18, %reals %polynomial.exp.17)
  %polynomial.exp.21 = fmul %reals %polynomial.exp.19, %polynomial.exp.19
  %polynomial.exp.22 = call %reals @llvm.fma.v4f64(%reals %polynomial.exp.21, %reals %polynomial.exp.16, %reals %polynomial.exp.20)
  %expm1_reduced.4 = call %reals @llvm.fma.v4f64(%reals %expm1_reduced.3, %reals %polynomial.exp.22, %reals %reduced.8)
  %expm1.5 = fsub %reals %power_of_two.8, splat (double 0.5)
  %expm1.6 = call %reals @llvm.fma.v4f64(%reals %power_of_two.8, %reals %expm1_reduced.4, %reals %expm1.5)
  %expm1.7 = fmul %reals %expm1.6, splat (double 2.0)
  %expm1.8 = call %reals @llvm.fabs.v4f64(%reals %softplus.3)
  %expm1.9 = fcmp olt %reals %expm1.8, splat (double 5.551115123125783e-17)
  %expm1.10 = select %truths %expm1.9, %reals %softplus.4, %reals %expm1.7
  %tanh.2 = fcmp olt %reals %tanh.1, splat (double 0.5)
  %tanh.3 = fadd %reals %expm1.10, splat (double 2.0)
  %tanh.4 = fdiv %reals %expm1.10, %tanh.3
  %tanh.5 = fmul %reals %lowered.1, splat (double 2.0)
  %tanh.6 = fdiv %reals %tanh.5, %sigmoid.2
  %tanh.7 = fsub %reals splat (double 1.0), %tanh.6
  %tanh.8 = select %truths %tanh.2, %reals %tanh.4, %reals %tanh.7
  %v19 = call %reals @llvm.copysign.v4f64(%reals %tanh.8, %reals %v18)
  ; v20 = mul(v19, 2.0)
  %v20 = fmul %reals %v19, splat (double 2.0)
  ; v21 = mul(v20, v4)
  %v21 = fmul %reals %v20, %v4
  ; v22_raw = add(v17, v21)
  %v22_raw = fadd %reals %v17, %v21
  ; v17_rest2 = sub(v17_raw, v16)
  %v17_rest2 = fsub %reals %v17_raw, %v16
  ; v17_rest3 = sub(v17_raw, v17_rest2)
  %v17_rest3 = fsub %reals %v17_raw, %v17_rest2
  ; v17_rest4 = sub(v16, v17_rest3)
  %v17_rest4 = fsub %reals %v16, %v17_rest3
  ; v17_rest5 = sub(v9, v17_rest2)
  %v17_rest5 = fsub %reals %v9, %v17_rest2
  ; v17_rest6 = add(v17_rest4, v17_rest5)
  %v17_rest6 = fadd %reals %v17_rest4, %v17_rest5
  ; v17_rest7 = sub(v17_raw, v17)
  %v17_rest7 = fsub %reals %v17_raw, %v17
  ; v17_rest8 = add(v17_rest7, v17_rest)
  %v17_rest8 = fadd %reals %v17_rest7, %v17_rest
  ; v17_rest9 = add(v17_rest8, v17_rest6)
  %v17_rest9 = fadd %reals %v17_rest8, %v17_rest6
  ; v19_rest = tanh_rest(v18, v19)
  %tanh_rest.1 = call %reals @llvm.fabs.v4f64(%reals %v19)
  %tanh_rest.2 = fneg %reals %tanh_rest.1
  %tanh_rest.3 = fneg %reals %expm1.10
  %tanh_rest.4 = call %reals @llvm.fma.v4f64(%reals %tanh_rest.2, %reals %tanh.3, %reals %tanh_rest.3)
  %expm1_rest.1 = fmul %reals %power_of_two.8, %expm1_reduced.4
  %expm1_rest.2 = fsub %reals %expm1.6, %expm1.5
  %expm1_rest.3 = fsub %reals %expm1.6, %expm1_rest.2
  %expm1_rest.4 = fsub %reals %expm1.5, %expm1_rest.3
  %expm1_rest.5 = fsub %reals %expm1_rest.1, %expm1_rest.2
  %expm1_rest.6 = fadd %reals %expm1_rest.4, %expm1_rest.5
  %reduced_rest.5 = fsub %reals %reduced.8, %expm1_reduced.4
  %reduced_rest.6 = call %reals @llvm.fma.v4f64(%reals %expm1_reduced.3, %reals %polynomial.exp.22, %reals %reduced_rest.5)
  %reduced_low.4 = call %reals @llvm.fma.v4f64(%reals %reduced.6, %reals splat (double -0.6931471803691238), %reals %expm1.4)
  %reduced_low.5 = fsub %reals %reduced_low.4, %reduced.8
  %reduced_low.6 = call %reals @llvm.fma.v4f64(%reals %reduced.6, %reals splat (double -1.9082149292705877e-10), %reals %reduced_low.5)
  %reduced_rest.7 = fadd %reals %expm1_reduced.4, splat (double 1.0)
  %reduced_rest.8 = fmul %reals %reduced_low.6, %reduced_rest.7
  %reduced_rest.9 = fadd %reals %reduced_rest.6, %reduced_rest.8
  %expm1_rest.7 = fmul %reals %power_of_two.8, %reduced_rest.9
  %expm1_rest.8 = fadd %reals %expm1_rest.6, %expm1_rest.7
  %expm1_rest.9 = fmul %reals %expm1_rest.8, splat (double 2.0)
  %expm1_rest.10 = call %reals @llvm.fabs.v4f64(%reals %expm1.4)
  %expm1_rest.11 = fcmp olt %reals %expm1_rest.10, splat (double 5.551115123125783e-17)
  %expm1_rest.12 = select %truths %expm1_rest.11, %reals splat (double 0.0), %reals %expm1_rest.9
  %tanh_rest.5 = fadd %reals %tanh_rest.1, splat (double 1.0)
  %tanh_rest.6 = fmul %reals %expm1_rest.12, %tanh_rest.5
  %tanh_rest.7 = fsub %reals %tanh.3, splat (double 2.0)
  %tanh_rest.8 = fsub %reals %expm1.10, %tanh_rest.7
  %tanh_rest.9 = fmul %reals %tanh_rest.1, %tanh_rest.8
  %tanh_rest.10 = fadd %reals %tanh_rest.6, %tanh_rest.9
  %tanh_rest.11 = fsub %reals %tanh_rest.4, %tanh_rest.10
  %tanh_rest.12 = fsub %reals splat (double 1.0), %tanh_rest.1
  %tanh_rest.13 = fmul %reals %tanh_rest.1, %lowered.1
  %tanh_rest.14 = fsub %reals %tanh_rest.12, %lowered.1
  %tanh_rest.15 = fsub %reals %tanh_rest.14, %tanh_rest.13
  %tanh_rest.16 = fsub %reals splat (double 1.0), %tanh_rest.12
  %tanh_rest.17 = fsub %reals %tanh_rest.16, %tanh_rest.1
  %tanh_rest.18 = fneg %reals %tanh_rest.13
  %tanh_rest.19 = call %reals @llvm.fma.v4f64(%reals %tanh_rest.1, %reals %lowered.1, %reals %tanh_rest.18)
  %tanh_rest.20 = fsub %reals %tanh_rest.17, %tanh_rest.19
  %tanh_rest.21 = fadd %reals %tanh_rest.15, %tanh_rest.20
  %tanh_rest.22 = fmul %reals %lowered.2, %tanh_rest.5
  %tanh_rest.23 = fsub %reals %tanh_rest.21, %tanh_rest.22
  %tanh_rest.24 = select %truths %tanh.2, %reals %tanh_rest.11, %reals %tanh_rest.23
  %tanh_rest.25 = fmul %reals %tanh_rest.5, splat (double 0.5)
  %tanh_rest.26 = fmul %reals %tanh_rest.24, %tanh_rest.25
  %tanh_rest.27 = fcmp olt %reals %v18, splat (double 0.0)
  %tanh_rest.28 = fneg %reals %tanh_rest.26
  %v19_rest = select %truths %tanh_rest.27, %reals %tanh_rest.28, %reals %tanh_rest.26
  ; v20_rest = mul(v19_rest, 2.0)
  %v20_rest = fmul %reals %v19_rest, splat (double 2.0)
  ; v21_rest = mul(v20_rest, v4)
  %v21_rest = fmul %reals %v20_rest, %v4
  ; v21_rest2 = mul(v4_rest, v20)
  %v21_rest2 = fmul %reals %v4_rest, %v20
  ; v21_rest3 = add(v21_rest, v21_rest2)
  %v21_rest3 = fadd %reals %v21_rest, %v21_rest2
  ; v21_rest4 = left_mul(v20, v4, v21)
  %v21_rest4.1 = fneg %reals %v21
  %v21_rest4 = call %reals @llvm.fma.v4f64(%reals %v20, %reals %v4, %reals %v21_rest4.1)
  ; v21_rest5 = add(v21_rest4, v21_rest3)
  %v21_rest5 = fadd %reals %v21_rest4, %v21_rest3
  ; v22_rest = add(v17_rest9, v21_rest5)
  %v22_rest = fadd %reals %v17_rest9, %v21_rest5
  ; v22 = mend(v22_raw, v22_rest)
  %v22.1 = call %reals @llvm.fabs.v4f64(%reals %v22_rest)
  %v22.2 = fcmp olt %reals %v22.1, splat (double 0x7FF0000000000000)
  %v22.3 = select %truths %v22.2, %reals %v22_rest, %reals splat (double 0.0)
  %v22 = fadd %reals %v22_raw, %v22.3
  ; v23 = mul(v15, v22)
  %v23 = fmul %reals %v15, %v22
  ; v6_rest = mul(v5_rest, v5)
  %v6_rest = fmul %reals %v5_rest, %v5
  ; v6_rest2 = add(v6_rest, v6_rest)
  %v6_rest2 = fadd %reals %v6_rest, %v6_rest
  ; v6_rest3 = left_mul(v5, v5, v6)
  %v6_rest3.1 = fneg %reals %v6
  %v6_rest3 = call %reals @llvm.fma.v4f64(%reals %v5, %reals %v5, %reals %v6_rest3.1)
  ; v6_rest4 = add(v6_rest3, v6_rest2)
  %v6_rest4 = fadd %reals %v6_rest3, %v6_rest2
  ; v10_rest = mul(v6_rest4, v4)
  %v10_rest = fmul %reals %v6_rest4, %v4
  ; v10_rest2 = mul(v4_rest, v6)
  %v10_rest2 = fmul %reals %v4_rest, %v6
  ; v10_rest3 = add(v10_rest, v10_rest2)
  %v10_rest3 = fadd %reals %v10_rest, %v10_rest2
  ; v10_rest4 = left_mul(v6, v4, v10)
  %v10_rest4.1 = fneg %reals %v10
  %v10_rest4 = call %reals @llvm.fma.v4f64(%reals %v6, %reals %v4, %reals %v10_rest4.1)
  ; v10_rest5 = add(v10_rest4, v10_rest3)
  %v10_rest5 = fadd %reals %v10_rest4, %v10_rest3
  ; v10_whole = mend(v10, v10_rest5)
  %v10_whole.1 = call %reals @llvm.fabs.v4f64(%reals %v10_rest5)
  %v10_whole.2 = fcmp olt %reals %v10_whole.1, splat (double 0x7FF0000000000000)
  %v10_whole.3 = select %truths %v10_whole.2, %reals %v10_rest5, %reals splat (double 0.0)
  %v10_whole = fadd %reals %v10, %v10_whole.3
  ; v11_rest = mul(v6_rest4, s)
  %v11_rest = fmul %reals %v6_rest4, %s
  ; v14_rest = mul(v11_rest, v13)
  %v14_rest = fmul %reals %v11_rest, %v13
  ; v12_rest2 = sub(v12_raw, v5)
  %v12_rest2 = fsub %reals %v12_raw, %v5
  ; v12_rest3 = sub(v12_raw, v12_rest2)
  %v12_rest3 = fsub %reals %v12_raw, %v12_rest2
  ; v12_rest4 = sub(v5, v12_rest3)
  %v12_rest4 = fsub %reals %v5, %v12_rest3
  ; v12_rest5 = sub(v9, v12_rest2)
  %v12_rest5 = fsub %reals %v9, %v12_rest2
  ; v12_rest6 = add(v12_rest4, v12_rest5)
  %v12_rest6 = fadd %reals %v12_rest4, %v12_rest5
  ; v12_rest7 = sub(v12_raw, v12)
  %v12_rest7 = fsub %reals %v12_raw, %v12
  ; v12_rest8 = add(v12_rest7, v12_rest)
  %v12_rest8 = fadd %reals %v12_rest7, %v12_rest
  ; v12_rest9 = add(v12_rest8, v12_rest6)
  %v12_rest9 = fadd %reals %v12_rest8, %v12_rest6
  ; v13_rest = neg(v12_rest9)
  %v13_rest = fneg %reals %v12_rest9
  ; v14_rest2 = mul(v13_rest, v11)
  %v14_rest2 = fmul %reals %v13_rest, %v11
  ; v14_rest3 = add(v14_rest, v14_rest2)
  %v14_rest3 = fadd %reals %v14_rest, %v14_rest2
  ; v14_rest4 = left_mul(v11, v13, v14)
  %v14_rest4.1 = fneg %reals %v14
  %v14_rest4 = call %reals @llvm.fma.v4f64(%reals %v11, %reals %v13, %reals %v14_rest4.1)
  ; v14_rest5 = add(v14_rest4, v14_rest3)
  %v14_rest5 = fadd %reals %v14_rest4, %v14_rest3
  ; v14_whole = mend(v14, v14_rest5)
  %v14_whole.1 = call %reals @llvm.fabs.v4f64(%reals %v14_rest5)
  %v14_whole.2 = fcmp olt %reals %v14_whole.1, splat (double 0x7FF0000000000000)
  %v14_whole.3 = select %truths %v14_whole.2, %reals %v14_rest5, %reals splat (double 0.0)
  %v14_whole = fadd %reals %v14, %v14_whole.3
  ; v15_rest = mul(v6_rest4, v7)
  %v15_rest = fmul %reals %v6_rest4, %v7
  ; v15_rest2 = mul(v7_rest, v6)
  %v15_rest2 = fmul %reals %v7_rest, %v6
  ; v15_rest3 = add(v15_rest, v15_rest2)
  %v15_rest3 = fadd %reals %v15_rest, %v15_rest2
  ; v15_rest4 = left_mul(v6, v7, v15)
  %v15_rest4.1 = fneg %reals %v15
  %v15_rest4 = call %reals @llvm.fma.v4f64(%reals %v6, %reals %v7, %reals %v15_rest4.1)
  ; v15_rest5 = add(v15_rest4, v15_rest3)
  %v15_rest5 = fadd %reals %v15_rest4, %v15_rest3
  ; v23_rest = mul(v15_rest5, v22)
  %v23_rest = fmul %reals %v15_rest5, %v22
  ; v22_rest2 = sub(v22_raw, v17)
  %v22_rest2 = fsub %reals %v22_raw, %v17
  ; v22_rest3 = sub(v22_raw, v22_rest2)
  %v22_rest3 = fsub %reals %v22_raw, %v22_rest2
  ; v22_rest4 = sub(v17, v22_rest3)
  %v22_rest4 = fsub %reals %v17, %v22_rest3
  ; v22_rest5 = sub(v21, v22_rest2)
  %v22_rest5 = fsub %reals %v21, %v22_rest2
  ; v22_rest6 = add(v22_rest4, v22_rest5)
  %v22_rest6 = fadd %reals %v22_rest4, %v22_rest5
  ; v22_rest7 = sub(v22_raw, v22)
  %v22_rest7 = fsub %reals %v22_raw, %v22
  ; v22_rest8 = add(v22_rest7, v22_rest)
  %v22_rest8 = fadd %reals %v22_rest7, %v22_rest
  ; v22_rest9 = add(v22_rest8, v22_rest6)
  %v22_rest9 = fadd %reals %v22_rest8, %v22_rest6
  ; v23_rest2 = mul(v22_rest9, v15)
  %v23_rest2 = fmul %reals %v22_rest9, %v15
  ; v23_rest3 = add(v23_rest, v23_rest2)
  %v23_rest3 = fadd %reals %v23_rest, %v23_rest2
  ; v23_rest4 = left_mul(v15, v22, v23)
  %v23_rest4.1 = fneg %reals %v23
  %v23_rest4 = call %reals @llvm.fma.v4f64(%reals %v15, %reals %v22, %reals %v23_rest4.1)
  ; v23_rest5 = add(v23_rest4, v23_rest3)
  %v23_rest5 = fadd %reals %v23_rest4, %v23_rest3
  ; v23_whole = mend(v23, v23_rest5)
  %v23_whole.1 = call %reals @llvm.fabs.v4f64(%reals %v23_rest5)
  %v23_whole.2 = fcmp olt %reals %v23_whole.1, splat (double 0x7FF0000000000000)
  %v23_whole.3 = select %truths %v23_whole.2, %reals %v23_rest5, %reals splat (double 0.0)
  %v23_whole = fadd %reals %v23, %v23_whole.3
  ; rows to be computed again, with more digits and larger exponents
  %hard.1 = call %reals @llvm.fabs.v4f64(%reals %z)
  %hard.2 = fcmp ogt %reals %hard.1, splat (double 0.0)
  %hard.3 = fcmp olt %reals %hard.1, splat (double 7.888609052210118e-31)
  %hard.4 = and %truths %hard.2, %hard.3
  %hard.5 = fcmp ogt %reals %hard.1, splat (double 1.2676506002282294e+30)
  %hard.6 = fcmp olt %reals %hard.1, splat (double 0x7FF0000000000000)
  %hard.7 = and %truths %hard.5, %hard.6
  %hard.8 = fcmp ogt %reals %v3, splat (double -1500.0)
  %hard.9 = fcmp olt %reals %v3, splat (double -300.0)
  %hard.10 = and %truths %hard.8, %hard.9
  %hard.11 = fcmp ogt %reals %v3, splat (double 300.0)
  %hard.12 = fcmp olt %reals %v3, splat (double 1500.0)
  %hard.13 = and %truths %hard.11, %hard.12
  %hard.14 = fcmp ogt %reals %m, splat (double -1500.0)
  %hard.15 = fcmp olt %reals %m, splat (double -300.0)
  %hard.16 = and %truths %hard.14, %hard.15
  %hard.17 = fcmp ogt %reals %m, splat (double 300.0)
  %hard.18 = fcmp olt %reals %m, splat (double 1500.0)
  %hard.19 = and %truths %hard.17, %hard.18
  %hard.20 = or %truths %hard.4, %hard.7
  %hard.21 = or %truths %hard.20, %hard.10
  %hard.22 = or %truths %hard.21, %hard.13
  %hard.23 = or %truths %hard.22, %hard.16
  %hard.24 = or %truths %hard.23, %hard.19
  %give.0 = insertvalue %results poison, %reals %v10_whole, 0  ; value
  %give.1 = insertvalue %results %give.0, %reals %v14_whole, 1  ; gradient
  %give.2 = insertvalue %results %give.1, %reals %v23_whole, 2  ; hessian
  %give.3 = insertvalue %results %give.2, %truths %hard.24, 3  ; hard
  ret %results %give.3
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
  %hard.whole = phi %truths [ zeroinitializer, %rows.entry ], [ %hard.more, %rows.whole ]
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
  %hard.whole.now = extractvalue %results %results.whole, 3
  %hard.more = or %truths %hard.whole, %hard.whole.now
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
  br i1 %rows.some, label %rows.tail, label %rows.count
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
  %hard.tail.now = extractvalue %results %results.tail, 3
  %hard.kept = and %truths %rows.mask, %hard.tail.now
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
  %hard.masked = or %truths %hard.kept, %hard.whole
  br label %rows.count
rows.count:
  %hard.all = phi %truths [ %hard.whole, %rows.rest ], [ %hard.masked, %rows.tail ]
  %hard.any = call i1 @llvm.vector.reduce.or.v4i1(%truths %hard.all)
  br i1 %hard.any, label %rows.hard, label %rows.done
rows.hard:
  %hard.before = atomicrmw add ptr @hard, i64 1 monotonic
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
  %hard.whole = phi %truths [ zeroinitializer, %rows.entry ], [ %hard.more, %rows.whole ]
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
  %hard.whole.now = extractvalue %results %results.whole, 3
  %hard.more = or %truths %hard.whole, %hard.whole.now
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
  br label %rows.count
rows.count:
  %hard.all = or %truths %hard.whole, %hard.whole
  %hard.any = call i1 @llvm.vector.reduce.or.v4i1(%truths %hard.all)
  br i1 %hard.any, label %rows.hard, label %rows.done
rows.hard:
  %hard.before = atomicrmw add ptr @hard, i64 1 monotonic
  br label %rows.done
rows.done:
  ret void
}
!0 = !{i32 1}

declare %reals @llvm.fabs.v4f64(%reals)
declare %reals @llvm.fma.v4f64(%reals, %reals, %reals)
declare %reals @llvm.copysign.v4f64(%reals, %reals)
declare i1 @llvm.vector.reduce.or.v4i1(%truths)
declare %stored @llvm.masked.load.v4f64.p0(ptr, %truths, %stored)
declare void @llvm.masked.store.v4f64.p0(%stored, ptr, %truths)
