from lossmith import catboost as catboost
from lossmith import jax as jax
from lossmith import keras as keras
from lossmith import lightgbm as lightgbm
from lossmith import optuna as optuna
from lossmith import scipy as scipy
from lossmith import skglm as skglm
from lossmith import statsmodels as statsmodels
from lossmith import torch as torch
from lossmith import xgboost as xgboost
from lossmith.accuracy import accuracy as accuracy
from lossmith.adapters.export import export as export
from lossmith.adapters.scorers import scorer as scorer
from lossmith.catalogue import coupled as coupled
from lossmith.catalogue import joint as joint
from lossmith.catalogue import loss as loss
from lossmith.catalogue import losses as losses
from lossmith.catalogue.amounts import *
from lossmith.catalogue.classes import *
from lossmith.catalogue.distributions import *
from lossmith.catalogue.divergences import *
from lossmith.catalogue.entropies import *
from lossmith.catalogue.intervals import *
from lossmith.catalogue.labels import *
from lossmith.catalogue.likelihoods import *
from lossmith.catalogue.margins import *
from lossmith.catalogue.multiclass import *
from lossmith.catalogue.percentages import *
from lossmith.catalogue.quantiles import *
from lossmith.catalogue.ranking import *
from lossmith.catalogue.regression import *
from lossmith.choose import choose as choose
from lossmith.functionals import eliciting as eliciting
from lossmith.lifts import adjusted as adjusted
from lossmith.lifts import all_threshold as all_threshold
from lossmith.lifts import censored as censored
from lossmith.lifts import costs as costs
from lossmith.lifts import divergence as divergence
from lossmith.lifts import margin as margin
from lossmith.lifts import normalised as normalised
from lossmith.lifts import one_against_best as one_against_best
from lossmith.lifts import one_against_each as one_against_each
from lossmith.lifts import one_against_rest as one_against_rest
from lossmith.lifts import ordinal as ordinal
from lossmith.lifts import pairwise as pairwise
from lossmith.lifts import residual as residual
from lossmith.lifts import score as score
from lossmith.lifts import several as several
from lossmith.lifts import simplex as simplex
from lossmith.lifts import softmax as softmax
from lossmith.loss import Loss as Loss
from lossmith.models import BoostedClassifier as BoostedClassifier
from lossmith.models import BoostedRegressor as BoostedRegressor
from lossmith.models import DistributionRegressor as DistributionRegressor
from lossmith.models import LinearClassifier as LinearClassifier
from lossmith.models import LinearRegressor as LinearRegressor
from lossmith.models import OrdinalClassifier as OrdinalClassifier
from lossmith.models import PairwiseRanker as PairwiseRanker
from lossmith.models import QuantileRegressor as QuantileRegressor
from lossmith.models import SurvivalRegressor as SurvivalRegressor
from lossmith.models import load as load
from lossmith.rows.pairs import pairs as pairs

__version__: str
HOMES: dict[str, str]
