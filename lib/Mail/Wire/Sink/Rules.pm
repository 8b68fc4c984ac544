package Mail::Wire::Sink::Rules;

# Rules of a sink as lines of text: `mailwire sink` and its page have them. What they may be: Mail::Wire::Command::Sink.

use strict;
use warnings;

our $VERSION = '1.000';

# RFC 5321 4.5.3.1.5: a reply's line, with its end, has 512 octets at the most. A text of more is no text of rules.
use constant { MAX_REPLY => 510, MAX_TEXT => 1_000_000 };

# Which codes a reply may have, and what stands in front of it.
my %STAGE = (
    greeting => { code => '245' }, data => { code => '345' }, body => { code => '245' },
    verb => { code => '2345', key => 'a command' },
    map { $_ => { code => '245', key => 'an address' } } qw(mail rcpt final),
);
my %OF = (lmtp => [qw(greeting mail rcpt data body final verbs)], qmtp => [qw(mail rcpt final)]);

# A reference to a hash, from protocol to a reference to all its rules; or nothing, and what is wrong, by its line.
sub parse {
    my ($text) = @_;
    return (undef, 'more than ' . MAX_TEXT . ' octets are no rules') if length $text > MAX_TEXT;
    my (%rule, %line, $number);
    foreach my $line (split /\r?\n/, $text) {
        $number++;
        next if $line =~ /\A\s*(?:#|\z)/;
        my ($wrong, $stage, $key, $reply) = _rule($line);
        my $name = join ' ', grep { defined } $stage, $key;
        $wrong ||= "$name has a reply already, in line $line{$name}" if defined $line{$name};
        return (undef, "line $number: $wrong") if $wrong;
        $line{$name} = $number;
        if   (defined $key) { $rule{$stage eq 'verb' ? 'verbs' : $stage}{$key} = $reply }
        else                { $rule{$stage} = $reply }
    }
    return { lmtp => _all('lmtp', \%rule), qmtp => _all('qmtp', \%rule) };
}

# Those that are not there have to be taken back, too.
sub _all {
    my ($protocol, $rule) = @_;
    my %all = map { $_ => $rule->{$_} } @{ $OF{$protocol} };
    return \%all if $protocol eq 'lmtp';
    foreach my $name (grep { $all{$_} } keys %all) {
        $all{$name} = { map { $_ => _answer($rule->{$name}{$_}) } keys %{ $rule->{$name} } };
    }
    return \%all;
}

# What is wrong with a line, '' if nothing; its stage, key and reply.
sub _rule {
    my ($line) = @_;
    return 'a control character' if $line =~ /[\x00-\x08\x0a-\x1f\x7f]/;
    $line =~ s/\A\s+|\s+\z//g;
    my ($stage, $rest) = split /\s+/, $line, 2;
    my $known = $STAGE{$stage};
    return "'$stage' is no stage, these are " . join ' ', sort keys %STAGE if !$known;
    my ($key, $reply) = $known->{key} ? split(/\s+/, defined $rest ? $rest : '', 2) : (undef, $rest);
    return "$stage needs $known->{key} and a reply behind it" if $known->{key} && !(defined $key && defined $reply);
    return "$stage needs a reply behind it" if !defined $reply;
    my $wrong = _wrong_key($stage, $key) || _wrong_reply($reply, $stage);
    $key = $stage eq 'verb' ? uc $key : $key eq '""' ? '' : $key if defined $key;
    return ($wrong, $stage, $key, $reply);
}

sub _wrong_key {
    my ($stage, $key) = @_;
    return '' if !defined $key;
    return $key =~ /\A(?:MAIL|RCPT|DATA|BDAT)\z/i ? "\U$key\E has a stage of its own" : $key =~ /\A[A-Za-z]+\z/ ? '' : "'$key' is no command"
        if $stage eq 'verb';
    return "'$key' is a reply, where an address has to be; * is any" if $key =~ /\A[2-5][0-9]{2}\z/;
    return $key =~ /\A<.*>\z/ ? "'$key': addresses are without brackets; \"\" is the null sender" : '';
}

sub _wrong_reply {
    my ($reply, $stage) = @_;
    my ($first, $class) = $reply =~ /\A([0-9])[0-9]{2}(?: (?:([0-9])\.[0-9]{1,3}\.[0-9]{1,3}(?= |\z))?|\z)/;
    return "'$reply' is no reply: it begins with a code of three digits and a space" if !defined $first;
    my $codes = $STAGE{$stage}{code};
    return "a reply of $stage begins with one of the digits " . join(' ', split //, $codes) . ", not with $first" if $codes !~ /$first/;
    return "the enhanced status code begins with $first, as the code does" if defined $class && $class ne $first;
    return length $reply > MAX_REPLY ? 'a reply has ' . MAX_REPLY . ' octets at the most' : '';
}

# Over QMTP the code is a letter, and the enhanced status code stands at the end.
sub _answer {
    my ($reply) = @_;
    my ($first, $enhanced, $text) = $reply =~ /\A([245])[0-9]{2} ?(?:([0-9]\.[0-9]+\.[0-9]+)(?: |\z))?(.*)\z/s;
    my $letter = { 2 => 'K', 4 => 'Z', 5 => 'D' }->{$first};
    return join ' ', grep { length } "$letter$text", defined $enhanced ? "(#$enhanced)" : '';
}

1;
