package Mail::Wire::Pool::Options;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Mail::Wire ();
use Mail::Wire::Options ();
use Mail::Wire::Pool::Opening ();
use Mail::Wire::URL ();

our @CARP_NOT = ('Mail::Wire::Pool');

# Options of a pool's new: its own, and those of the classes that its links are of.

# As many as one wait can have, less one.
use constant LINKS_MAX => 255;

# Its own, as Mail::Wire::Options has them.
my %known = (
    Links      => [ count => 4 ],
    Backlog    => [ count => 1000 ],
    Retries    => [ amount => 3 ],
    MaxPerLink => [ amount => 0 ],
    Rate       => [ seconds => 0 ],
    InOrder    => undef,
    InDoubt    => undef,
    Backoff    => undef,
    Blocking   => undef,
);

my @backoff = (1, 5, 30);

# A reference to a hash of them, and of `plans`, code for each URL that begins an opening; has_encoding: a URL is of QMTP;
# lost_code: the code of what is not a server's word. Croaks for what cannot be used.
sub taken {
    my ($urls, %given) = @_;
    my %own = map { $_ => delete $given{$_} } grep { exists $known{$_} } keys %given;
    my $set = Mail::Wire::Options::checked('Mail::Wire::Pool', \%known, \%own) or croak $@;
    croak 'Mail::Wire::Pool: Links must be ' . LINKS_MAX . ' at the most' if $set->{Links} > LINKS_MAX;
    $set->{backoff} = _backoff($own{Backoff});
    $set->{resends} = _resends($own{InDoubt});
    $set->{in_order} = $own{InOrder} ? 1 : 0;
    $set->{nonblocking} = defined $own{Blocking} && !$own{Blocking};
    return _with_plans($set, $urls, \%given);
}

sub _resends {
    my ($how) = @_;
    croak "Mail::Wire::Pool: InDoubt must be 'report' or 'resend', not '$how'" if defined $how and $how !~ /\A(?:report|resend)\z/;
    return defined $how && $how eq 'resend';
}

# Code that says how long to wait behind an attempt of this number.
sub _backoff {
    my ($given) = @_;
    return $given if ref $given eq 'CODE';
    my @seconds = ref $given eq 'ARRAY' ? @$given : defined $given ? $given : @backoff;
    croak 'Mail::Wire::Pool: Backoff must be seconds, a reference to a list of them, or code'
        if not @seconds or grep { not defined or ref or not Mail::Wire::_is_number($_) or $_ < 0 } @seconds;
    return sub { $seconds[ $_[0] > @seconds ? -1 : $_[0] - 1 ] };
}

sub _with_plans {
    my ($set, $urls, $given) = @_;
    my @urls = ref $urls eq 'ARRAY' ? @$urls : $urls;
    croak 'Mail::Wire::Pool: a URL is needed, or a reference to a list of them' if not @urls or grep { not defined or not length } @urls;
    my @classes = map { Mail::Wire::Pool::Opening::class_of($_) } grep {$_} map { scalar((Mail::Wire::URL::parsed("$_"))[0]) } @urls;
    foreach my $name (sort keys %$given) {
        croak "Mail::Wire::Pool: unknown option '$name'" if not Mail::Wire::Pool::Opening::is_option($name, @classes);
    }
    $set->{plans} = [ map { Mail::Wire::Pool::Opening::plan("$_", $given) } @urls ];
    $set->{lost_code} = grep({ $_ eq 'Net::LMTP' } @classes) ? 421 : 450;
    $set->{has_encoding} = grep({ $_ eq 'Net::QMTP' } @classes) ? 1 : 0;
    return $set;
}

1;
