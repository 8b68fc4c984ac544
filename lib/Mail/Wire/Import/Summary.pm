package Mail::Wire::Import::Summary;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Result ();

# What became of the recipients of an import, counted by status, stage, code and reason.

# A server that says something else each time is not to fill memory; what does not fit is counted by status alone.
use constant REASONS_MAX => 200;

sub new { return bless { groups => {} }, $_[0] }

sub add {
    my ($self, @results) = @_;
    foreach my $result (@results) {
        my $status = $result->maybe_delivered ? 'in doubt' : $result->status;
        my $reason = $status eq 'success' ? '' : _reason($result);
        my $key = join "\t", $status, $result->stage, $result->code, $reason;
        $key = "$status\t\t\tother reasons" if not $self->{groups}{$key} and keys %{ $self->{groups} } >= REASONS_MAX;
        $self->{groups}{$key}++;
    }
    return;
}

# The server's words, without what is this recipient's or this message's.
sub _reason {
    my ($result) = @_;
    my ($line) = $result->message =~ /\A\s*([^\n]*)/;
    my $recipient = $result->recipient;
    $line =~ s/<?\Q$recipient\E>?/<...>/g if length $recipient;
    $line =~ s/(?<![A-Za-z0-9.])(?=[A-Za-z0-9+\/_-]*[0-9])[A-Za-z0-9+\/_-]{8,}/.../g;
    return substr Mail::Wire::Result::_on_one_line($line), 0, 100;
}

my %order = (success => 0, failure => 1, deferral => 2, 'in doubt' => 3);

# References to lists of count, status, stage, code and reason: by status, the most frequent first.
sub groups {
    my ($self) = @_;
    my $groups = $self->{groups};
    my @rows = map { [ $groups->{$_}, split /\t/, $_, -1 ] } keys %$groups;
    @rows = sort { $order{ $a->[1] } <=> $order{ $b->[1] } || $b->[0] <=> $a->[0] || "@$a" cmp "@$b" } @rows;
    return @rows;
}

1;
